"""What `edge serve` answers: the classifier's own decisions, to whoever asks, however many ask."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from pipeline.edge.classifier import Classifier
from pipeline.edge.endpoint import Endpoint
from tests.serve.conftest import KEY, Served, running, slow


@pytest.fixture(scope="session")
def client(served: Served) -> openai.OpenAI:
    return openai.OpenAI(base_url=served.url, api_key="none", max_retries=0)


def test_the_same_decisions_as_the_classifier_on_a_hundred_queries(served, subject, queries):
    classifier = Classifier.open(subject.model, subject.decision, 1)
    with Endpoint(served.url, "intent") as endpoint:
        for query in queries[:100]:
            expected, found = classifier.decide(query), endpoint.decide(classifier.rule, query)
            assert (found.intent, found.route, found.truncated) == (expected.intent, expected.route, expected.truncated)
            assert found.confidence == pytest.approx(expected.confidence, abs=1e-9)


def test_a_stream_says_the_same_as_one_answer(client, queries):
    fields = {"model": "intent", "logprobs": True, "top_logprobs": 6, "messages": [{"role": "user", "content": queries[0]}]}
    whole = client.chat.completions.create(**fields)
    chunks = list(client.chat.completions.create(**fields, stream=True, stream_options={"include_usage": True}))
    said = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in said) == whole.choices[0].message.content
    assert [choice.logprobs.model_dump() for choice in said if choice.logprobs] == [whole.choices[0].logprobs.model_dump()]
    assert [choice.finish_reason for choice in said if choice.finish_reason] == [whole.choices[0].finish_reason]
    assert chunks[-1].usage == whole.usage and len({chunk.id for chunk in chunks}) == 1
    assert [chunk.edge for chunk in chunks if "edge" in chunk.model_extra] == [whole.edge]


def test_an_answer_in_full(client, queries):
    answer = client.chat.completions.create(model="intent", logprobs=True, top_logprobs=2, max_tokens=1, messages=[
        {"role": "system", "content": "is ignored"}, {"role": "user", "content": "first"}, {"role": "assistant", "content": "A"},
        {"role": "user", "content": queries[0]}])
    (token,) = answer.choices[0].logprobs.content
    assert answer.choices[0].message.content == token.token == token.top_logprobs[0].token == "A" and len(token.top_logprobs) == 2
    assert answer.edge["intent"] == "weather_query" and answer.edge["route"] == "local"
    assert answer.usage.completion_tokens == 1 and answer.usage.prompt_tokens == len(queries[0]) + 2


def test_models_and_health(served, client):
    assert [model.id for model in client.models.list()] == ["intent"]
    assert served.get("/health").json() == {"status": "ok"}


def test_metrics_count_what_was_asked(served, queries):
    lines = ['edge_requests_total{model="intent",status="200"}', 'edge_tokens_total{direction="in",model="intent"}',
             'edge_requests_total{model="other",status="404"}', 'edge_request_seconds_count{model="intent"}']
    before = [served.metric(line) for line in lines]
    served.ask(queries[0])
    served.ask(queries[0], stream=True)
    served.ask(queries[0], model="made up by a client")
    assert [served.metric(line) - past for line, past in zip(lines, before, strict=True)] == [2, 2 * (len(queries[0]) + 2), 1, 2]
    assert served.metric('edge_in_flight{model="intent"}') == served.metric('edge_queue_depth{model="intent"}') == 0


@pytest.fixture(scope="module")
def parrot():
    with slow(workers=2, queue=64) as server:
        yield server


@pytest.mark.parametrize("clients", [1, 8, 64])
def test_no_answer_is_lost_doubled_or_another_s(parrot, clients):
    questions = [f"{clients}-{number} {number % 3}" for number in range(192)]
    line = 'edge_requests_total{model="intent",status="200"}'
    before = parrot.metric(line)

    def ask(number: int) -> str:
        answer = parrot.ask(questions[number], stream=number % 2 == 1)
        if number % 2 == 0:
            return answer.json()["choices"][0]["message"]["content"]
        return "".join(part.split('"')[0] for part in answer.text.split('"content": "')[1:])

    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(ask, range(len(questions))))
    assert [answer.strip() for answer in answers] == questions
    assert parrot.metric(line) - before == len(questions) == Counter(answers).total()


def test_the_process_imports_neither_torch_nor_transformers(subject, queries):
    arguments = ("serve", "--model", subject.model, "--decision", subject.decision, "--port", 0)
    with running(*arguments, options=("-X", "importtime")) as server:
        assert server.ask(queries[0]).status_code == 200
        server.process.terminate()
        imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in server.process.stderr.read().splitlines() if "|" in line}
    assert {"onnxruntime", "starlette"} <= imported
    assert not imported & {"torch", "transformers", "onnx", "scipy", "pandas", "swift", "fastapi", "openai"}


def test_a_key_is_asked_for_and_never_told(subject, queries):
    arguments = ("serve", "--model", subject.model, "--decision", subject.decision, "--port", 0, "--api-key-variable", "MY_KEY")
    with running(*arguments, MY_KEY=KEY) as server:
        for key in ("wrong", KEY + "x", KEY[:-1]):
            with pytest.raises(openai.AuthenticationError) as refused:
                openai.OpenAI(base_url=server.url, api_key=key, max_retries=0).models.list()
            assert KEY not in str(refused.value)
        assert server.ask(queries[0]).status_code == server.post(b"", Authorization=f"Basic {KEY}").status_code == 401
        assert server.get("/metrics").status_code == 401 and server.get("/health").status_code == 200
        assert openai.OpenAI(base_url=server.url, api_key=KEY).models.list().data[0].id == "intent"
        with Endpoint(server.url, "intent", KEY) as endpoint:
            assert endpoint.decide(Classifier.open(subject.model, subject.decision, 1).rule, queries[0]).intent == "weather_query"
        server.process.terminate()
        output = "".join(server.process.communicate())
    assert KEY not in output


def test_the_store_s_own_artifacts(store, onnx_int8, decision, intent_data):
    """Nothing is named: the newest INT8 model, and the decision of the same merged model."""
    from pipeline.data.records import read_records
    classifier = Classifier.open(onnx_int8.path, decision.path, 1)
    records = read_records(intent_data.file("test.jsonl"))
    with running("serve", "--port", 0, "--store", store.root) as server, Endpoint(server.url, "intent") as endpoint:
        found = [endpoint.decide(classifier.rule, record.query) for record in records]
    expected = [classifier.decide(record.query) for record in records]
    assert [(one.intent, one.route) for one in found] == [(one.intent, one.route) for one in expected]
    assert [one.confidence for one in found] == pytest.approx([one.confidence for one in expected], abs=1e-6)
