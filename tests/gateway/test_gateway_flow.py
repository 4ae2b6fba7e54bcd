"""Through the gateway with the official client: what is answered where, and what the client is told."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest

from pipeline.edge.cloud_stand_in import answer_to
from pipeline.edge.gateway.cloud import Cloud
from pipeline.edge.gateway.flow import Flow
from pipeline.edge.gateway.local import CUT
from pipeline.edge.gateway.question import LOCAL_ONLY
from tests.gateway.conftest import SHORT
from tests.gateway.device import TableDevice, served

CLOUD_KEY, GATEWAY_KEY = "sk-secret-of-the-cloud", "sk-secret-of-the-gateway"
WHY, WEATHER = "为什么天是蓝的", "成都天气怎么样"


@pytest.fixture(scope="module")
def gateway(running):
    """A device and the URL of one gateway for all tests; its breaker never opens."""
    device, cloud = TableDevice(), Cloud(running.url, "stand-in", CLOUD_KEY, SHORT.model_copy(update={"failures": 1000}))
    with served(Flow(device, cloud), GATEWAY_KEY) as url:
        yield device, url
    cloud.close()


@pytest.fixture
def device(gateway):
    vars(gateway[0]).update(vars(TableDevice()))
    return gateway[0]


@pytest.fixture
def url(gateway, device, stand_in):
    return gateway[1]


@pytest.fixture
def client(url):
    with openai.OpenAI(base_url=url, api_key=GATEWAY_KEY, max_retries=0) as client:
        yield client


def said(text: str, **more: str) -> dict:
    return {"role": "user", "content": text, **more}


def ask(client: openai.OpenAI, *messages: dict | str, stream: bool = False, **metadata: str) -> tuple[str, str, dict]:
    """The answer, its finish_reason and what was told beside it."""
    turns = [said(message) if isinstance(message, str) else message for message in messages]
    answer = client.chat.completions.create(model="edge-cloud", messages=turns, metadata=metadata or None, stream=stream)
    if not stream:
        return answer.choices[0].message.content, answer.choices[0].finish_reason, answer.edge
    chunks = list(answer)
    assert chunks[0].edge["route"] == chunks[-1].edge["route"]
    finishes = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason]
    assert len(finishes) == 1
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks), finishes[0], chunks[-1].edge


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request):
    return request.param


def test_what_the_device_can_do_is_done_there(client, stand_in, stream):
    text, finish, told = ask(client, "三百五加一百二", stream=stream)
    assert (text, finish) == ("350 + 120 = 470", "stop")
    assert (told["route"], told["reason"], told["intent"], told["trouble"]) == ("local", "sure", "simple_qa", "")
    assert told["tool"] == {"name": "calculate", "arguments": {"a": "三百五", "op": "加", "b": "一百二"}}
    assert {"classify", "tool", "answer", "total"} == set(told["ms"]) and stand_in.memory.received == b""


def test_the_rest_goes_to_the_cloud(client, stand_in, stream):
    text, finish, told = ask(client, WHY, stream=stream)
    assert (text, finish) == (answer_to(WHY), "stop")
    assert (told["route"], told["reason"], told["intent"], told["tool"]) == ("cloud", "intent", "knowledge_qa", None)
    assert told["ms"]["total"] >= told["ms"]["cloud"] > 0


@pytest.mark.parametrize(("metadata", "question", "reason"), [
    ({"requires_reasoning": "true"}, WEATHER, "requires_reasoning"), ({"previous_failed": "true"}, WEATHER, "previous_failed"),
    ({}, WEATHER + "，" + "请说得详细一些" * 15, "length"), ({"requires_reasoning": "false"}, WHY, "intent")])
def test_rules_send_to_the_cloud(client, metadata, question, reason):
    assert ask(client, question, **metadata)[2]["reason"] == reason


def test_a_question_that_leans_on_the_one_before_is_made_whole(client, device):
    _, _, told = ask(client, WEATHER, {"role": "assistant", "content": "不知道"}, "那上海呢")
    assert told["query"] == "上海天气怎么样" and told["route"] == "local" and "rewrite" in told["ms"]
    assert device.asked == ["上海天气怎么样"]


def test_without_functions_the_words_choose_the_tool_and_make_a_question_whole(client, device):
    device.has_functions = False
    _, _, told = ask(client, "三加四")
    assert told["tool"] == {"name": "calculate", "arguments": {"a": "三", "op": "加", "b": "四"}}
    _, _, told = ask(client, "北京今天天气怎么样", {"role": "assistant", "content": "不知道"}, "那上海呢")
    assert told["query"] == "上海今天天气怎么样" and "rewrite" in told["ms"]


@pytest.mark.parametrize(("fault", "trouble", "word"), [
    ("429", "busy", "请求太多"), ("500", "failing", "服务出错"), ("garbage", "garbage", "无法使用"), ("wrong", "garbage", "无法使用"),
    ("empty", "garbage", "无法使用"), ("slow", "slow", "等了很久"), ("redirect", "refused", "拒绝")])
def test_a_failing_cloud_is_answered_for_honestly(client, stand_in, stream, fault, trouble, word):
    stand_in.memory.fault = fault
    text, finish, told = ask(client, WHY, stream=stream)
    assert word in text and "知识问答" in text and finish == "stop"
    assert (told["route"], told["trouble"]) == ("cloud", trouble)


def test_what_the_device_can_say_is_said_when_the_cloud_fails(client, stand_in):
    stand_in.memory.fault = "500"
    text, _, _ = ask(client, "三加四", requires_reasoning="true")
    assert text == "云端暂时不可用：服务出错。3 + 4 = 7"


def test_a_stream_cut_off_ends_honestly(client, stand_in):
    stand_in.memory.fault = "cut"
    text, finish, told = ask(client, WHY, stream=True)
    assert text.endswith(CUT) and answer_to(WHY).startswith(text.removesuffix(CUT)) and len(text) > len(CUT)
    assert (finish, told["trouble"]) == ("length", "cut") and len(stand_in.memory.questions) == 1


def test_without_a_cloud_everything_stays(device):
    with served(Flow(device, None)) as url, openai.OpenAI(base_url=url, api_key="none") as client:
        text, _, told = ask(client, WHY)
    assert text.startswith("没有配置云端。") and told["trouble"] == "none"


def test_nothing_marked_local_only_leaves_the_device(client, stand_in, stream):
    secret = "我的病历号是七七四九，为什么会头疼"
    text, _, told = ask(client, secret, stream=stream, local_only="true", requires_reasoning="true")
    assert told["route"] == "local" and told["reason"] == "local_only" and "没有发往云端" in text
    assert stand_in.memory.received == b""
    hidden = [said(secret, name="local_only"), {"role": "assistant", "content": "您的病历号七七四九我记下了"}]
    text, _, told = ask(client, *hidden, "为什么海是咸的", stream=stream)
    assert text == answer_to("为什么海是咸的") and told["route"] == "cloud"
    _, _, told = ask(client, "你好", said("为什么七七四九", name="local_only"), stream=stream)
    assert told["reason"] == "local_only"
    assert "海是咸的".encode() in stand_in.memory.received
    for word in ("七七四九", "病历", LOCAL_ONLY):
        assert word.encode() not in stand_in.memory.received and json.dumps(word)[1:-1].encode() not in stand_in.memory.received


def test_a_mark_that_is_neither_true_nor_false_is_refused(client, stand_in):
    with pytest.raises(openai.BadRequestError, match="metadata.local_only"):
        ask(client, WHY, local_only="yes")
    assert stand_in.memory.received == b""


def test_when_the_device_is_silent_the_cloud_answers_but_never_what_must_stay(client, device, stand_in):
    device.broken = True
    text, _, told = ask(client, WEATHER, "那上海呢")
    assert text == answer_to("那上海呢") and told["reason"] == "no_decision"
    received = len(stand_in.memory.received)
    with pytest.raises(openai.InternalServerError, match="expected an answer of the device"):
        ask(client, WEATHER, local_only="true")
    assert len(stand_in.memory.received) == received


@pytest.mark.parametrize("clients", [1, 8, 64])
def test_no_answer_is_lost_or_doubled(client, clients):
    questions = [f"{n}加{n}" if n % 2 else f"为什么是{n}" for n in range(100, 100 + 2 * clients)]
    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(lambda q: ask(client, q, stream=len(q) % 2 == 0)[0], questions))
    assert answers == [f"{q[:3]} + {q[:3]} = {2 * int(q[:3])}" if "加" in q else answer_to(q) for q in questions]


def test_no_key_is_in_any_answer(url, stand_in, capfd):
    headers = {"Authorization": f"Bearer {GATEWAY_KEY}"}
    texts = [httpx.get(url.removesuffix("/v1") + "/").text, httpx.get(url + "/models", headers=headers).text]
    for fault in ("none", "429", "redirect", "garbage"):
        stand_in.memory.fault = fault
        body = {"model": "edge-cloud", "messages": [said(WHY)]}
        answer = httpx.post(url + "/chat/completions", headers=headers, json=body, timeout=10)
        texts.append(answer.text + str(answer.headers))
    texts.extend(capfd.readouterr())
    assert not any(CLOUD_KEY in text or GATEWAY_KEY in text for text in texts)
    assert GATEWAY_KEY.encode() not in stand_in.memory.received and f"Bearer {CLOUD_KEY}".encode() in stand_in.memory.received


@pytest.mark.parametrize("key", ["none", "sk-wrong", "钥匙", GATEWAY_KEY + "x"])
def test_without_the_key_nothing_is_answered(url, key, stand_in):
    headers = {"Authorization": f"Bearer {key}".encode(), "Content-Type": "application/json"}
    answer = httpx.post(url + "/chat/completions", headers=headers, json={"model": "edge-cloud", "messages": [said(WHY)]})
    assert answer.status_code == 401 and answer.json()["error"]["type"] == "authentication_error"
    assert httpx.get(url + "/models").status_code == 401 and stand_in.memory.received == b""
    assert httpx.get(url.removesuffix("/v1") + "/health").json() == {"status": "ok"}


GOOD = {"model": "edge-cloud", "messages": [said("你好")]}


@pytest.mark.parametrize(("body", "status"), [
    (b"", 400), (b"{", 400), (b"[]", 400), (b"null", 400), (b"\xff\xfe", 400), (b"[" * 100_000, 400),
    (json.dumps({**GOOD, "model": "gpt"}), 404), (json.dumps({**GOOD, "messages": []}), 400), (json.dumps({**GOOD, "messages": "hi"}), 400),
    (json.dumps({**GOOD, "messages": [said("   ")]}), 400), (json.dumps({**GOOD, "messages": [said("\ud800")]}), 400),
    (json.dumps({**GOOD, "messages": [{"role": "assistant", "content": "x"}]}), 400),
    (json.dumps({**GOOD, "messages": [said("x")] * 300}), 400),
    (json.dumps({**GOOD, "temperature": float("nan")}), 400), (json.dumps({**GOOD, "max_tokens": -1}), 400),
    (json.dumps({**GOOD, "stream": "yes"}), 400), (json.dumps({**GOOD, "n": 2}), 400), (json.dumps({**GOOD, "tools": [{}]}), 400),
    (json.dumps({**GOOD, "logprobs": True}), 400), (json.dumps({**GOOD, "metadata": {"local_only": True}}), 400)])
def test_bad_requests_get_an_error_object(url, body, status):
    headers = {"Authorization": f"Bearer {GATEWAY_KEY}", "Content-Type": "application/json"}
    answer = httpx.post(url + "/chat/completions", headers=headers, content=body)
    assert answer.status_code == status
    assert answer.json()["error"]["message"] and "\n" not in answer.json()["error"]["message"] and len(answer.content) < 400


def test_a_huge_request_is_refused(url):
    headers = {"Authorization": f"Bearer {GATEWAY_KEY}", "Content-Type": "application/json"}
    assert httpx.post(url + "/chat/completions", headers=headers, content=b" " * 1_100_000).status_code == 413
    assert httpx.post(url + "/chat/completions", headers=headers, content=iter([b" " * 100_000] * 11)).status_code == 413


def test_a_web_page_elsewhere_can_neither_post_a_form_nor_rebind_its_name(url):
    headers = {"Authorization": f"Bearer {GATEWAY_KEY}", "Content-Type": "text/plain"}
    assert httpx.post(url + "/chat/completions", headers=headers, content=json.dumps(GOOD)).status_code in (400, 415)
    assert httpx.get(url + "/models", headers={**headers, "Host": "evil.example"}).status_code == 400
