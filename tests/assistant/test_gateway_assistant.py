"""The learning assistant behind the gateway: a second model, and ratings that need consent."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest

from pipeline.edge.assistant.opened import open_assistant
from pipeline.edge.gateway.flow import Flow
from pipeline.edge.gateway.learning import Learning
from pipeline.edge.gateway.page import PAGE
from pipeline.measure.page import BROWSERS, no_browser
from tests.assistant.students import CARD, COMPLEX, FOUR, RESOURCE, workspace
from tests.gateway.conftest import running, stand_in
from tests.gateway.device import TableDevice, served

__all__ = ["running", "stand_in"]
KEY = "sk-of-the-gateway"


@pytest.fixture(scope="module")
def me(tmp_path_factory, running):  # noqa: F811
    return workspace(tmp_path_factory.mktemp("gateway") / "me", url=running.url, model="m")


@pytest.fixture(scope="module")
def url(me):
    with open_assistant(me) as assistant, served(Flow(TableDevice(), None), KEY, Learning(assistant, me)) as base:
        yield base


@pytest.fixture
def client(url, stand_in):  # noqa: F811
    with openai.OpenAI(base_url=url, api_key=KEY, max_retries=0) as opened:
        yield opened


def ask(client, question: str, stream: bool = False, model: str = "learning-assistant", **metadata: str):
    answer = client.chat.completions.create(model=model, messages=[
        {"role": "user", "content": "我的秘密"}, {"role": "assistant", "content": "好"}, {"role": "user", "content": question}],
        stream=stream, metadata=metadata or None)
    if not stream:
        return answer.choices[0].message.content, answer.edge, answer.model
    chunks = list(answer)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks), chunks[-1].edge, chunks[0].model


def rate(url: str, **body):
    return httpx.post(f"{url}/ratings", json=body, headers={"Authorization": f"Bearer {KEY}"})


def test_both_models_are_served(client):
    assert [model.id for model in client.models.list()] == ["edge-cloud", "learning-assistant"]
    assert ask(client, "三百五加一百二", model="edge-cloud")[0] == "350 + 120 = 470"
    with pytest.raises(openai.NotFoundError, match="edge-cloud or learning-assistant"):
        ask(client, "x", model="other")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_four_tasks(client, stand_in, stream):  # noqa: F811
    answers = [ask(client, question, stream) for question in FOUR]
    assert [edge["task"] for _, edge, _ in answers] == ["course_resource", "learning_tracking", "simple_qa", "complex_reasoning"]
    assert [edge["route"] for _, edge, _ in answers] == ["local", "local", "local", "cloud"]
    assert any("课件 高斯定理.md" in source for source in answers[0][1]["sources"]) and "伏特每米" in answers[2][0]
    assert {model for *_, model in answers} == {"learning-assistant"} and answers[3][1]["ms"]["cloud"] > 0
    assert "我的秘密".encode() not in stand_in.memory.received and "我的秘密" not in stand_in.memory.received.decode("unicode_escape")


def test_what_the_client_wants_is_done(client, stand_in):  # noqa: F811
    assert ask(client, COMPLEX, local_only="true")[1]["reason"] == "local_only" and stand_in.memory.received == b""
    assert ask(client, CARD, previous_failed="true")[1]["reason"] == "asked" and len(stand_in.memory.questions) == 1


def test_many_at_once_get_their_own_answers(client):
    questions = [CARD, RESOURCE] * 10
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda question: ask(client, question)[0], questions))
    assert all(("伏特每米" in answer) == (question == CARD) for question, answer in zip(questions, answers, strict=True))


def test_the_log_keeps_no_question(client, me):
    ask(client, "场强的定义，别告诉别人")
    last = json.loads(me.log.read_text(encoding="utf-8").splitlines()[-1])
    assert last["task"] and "别告诉别人" not in me.log.read_text(encoding="utf-8") and last.keys() == {
        "time", "task", "route", "reason", "trouble", "ms"}


def test_a_question_that_is_too_long_is_refused(client):
    with pytest.raises(openai.UnprocessableEntityError, match="at most 4000 characters"):
        ask(client, "长" * 4001)


def test_ratings_need_a_key_and_consent(url, me):
    assert httpx.post(f"{url}/ratings", json={"stars": 5, "consent": True}).status_code == 401
    assert rate(url, stars=5, task="simple_qa").status_code == 403 and not (me.ratings / "ratings.jsonl").exists()
    for wrong in ({"stars": 9}, {"stars": "5"}, {"stars": 3, "satisfied": True}, {}, {"stars": 3, "task": "x"}):
        assert rate(url, consent=True, **wrong).status_code in (400, 422)
    assert not me.ratings.exists()  # nor consent
    told = rate(url, stars=5, task="simple_qa", question="我的秘密", consent=True).json()
    assert told == {"consent": True, "questions": False, "count": 1, "satisfied": 1}
    assert "我的秘密" not in (me.ratings / "ratings.jsonl").read_text(encoding="utf-8")
    assert httpx.get(f"{url}/ratings", headers={"Authorization": f"Bearer {KEY}"}).json() == told


def test_without_an_assistant_nothing_changes(url):
    with served(Flow(TableDevice(), None)) as plain:
        assert [model["id"] for model in httpx.get(f"{plain}/models").json()["data"]] == ["edge-cloud"]
        assert httpx.get(plain.removesuffix("v1")).text == PAGE and httpx.get(f"{plain}/ratings").status_code == 404
    page = httpx.get(url.removesuffix("v1"))
    assert page.text == PAGE.replace("<body>", "<body data-learning>") and "data-learning" in page.text and "innerHTML" not in page.text


@pytest.mark.skipif(bool(no_browser()), reason=no_browser())
def test_the_page_asks_the_assistant_and_rates(me):
    from playwright.sync_api import sync_playwright
    flow, errors = Flow(TableDevice(), None), []
    with open_assistant(me) as assistant, served(flow, learning=Learning(assistant, me)) as base, sync_playwright() as driver:
        page = driver.chromium.launch(executable_path=next(filter(None, map(shutil.which, BROWSERS)))).new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(base.removesuffix("v1"))
        page.locator("#whom").select_option("learning-assistant")
        page.locator("#question").fill(CARD)
        page.locator("#question").press("Enter")
        page.locator(".answer[data-done=true]").wait_for()
        assert "任务：简单问答" in page.locator(".facts").inner_text()
        page.locator(".rating button").nth(4).press("Enter")
        page.locator(".consent, .rated").first.wait_for()
        if page.locator(".consent").count():
            page.locator(".consent button").first.press("Enter")
        page.locator(".rated").wait_for()
        assert "已保存" in page.locator(".rated").inner_text() and errors == []
