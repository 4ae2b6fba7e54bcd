"""An endpoint that answers anything but what was asked is one line, and the key never stands in it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from pipeline.edge.endpoint import Endpoint
from pipeline.errors import EdgeError
from pipeline.runtime.decision import LabelledIntent, Rule
from pipeline.runtime.prompt import template
from tests.serve.conftest import KEY

RULE = Rule(*template("判断意图"), 64, tuple(LabelledIntent(name, name, i, "local") for i, name in enumerate("ABC")), 2.0, 0.6)


class Canned(ThreadingHTTPServer):
    """Answers everything with the same status and bytes, and keeps what it was asked."""

    daemon_threads = True
    status, data, wait, place = 200, b"", 0.0, ""

    def __init__(self) -> None:
        self.asked: list[dict] = []
        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"


class Answer(BaseHTTPRequestHandler):
    server: Canned

    def log_message(self, *words: object) -> None: ...

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append({"key": self.headers.get("Authorization"), "body": json.loads(body or b"null")})
        self.send_response(self.server.status)
        if self.server.place:
            self.send_header("Location", self.server.place)
        self.end_headers()
        for at in range(0, len(self.server.data), 100_000):
            time.sleep(self.server.wait)
            self.wfile.write(self.server.data[at : at + 100_000])


@pytest.fixture
def server() -> Iterator[Canned]:
    with Canned() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def endpoint(server: Canned) -> Iterator[Endpoint]:
    with Endpoint(server.url, "intent", KEY, timeout=5) as endpoint:
        yield endpoint


def completion(*tokens: dict | str) -> bytes:
    content = [token if isinstance(token, dict) else {"token": token, "logprob": -0.1, "top_logprobs": []} for token in tokens]
    return json.dumps({"choices": [{"message": {"content": "A"}, "logprobs": {"content": content}}]}).encode()


def labels(**logprobs: float) -> dict:
    top = [{"token": token, "logprob": value} for token, value in logprobs.items()]
    return {"token": top[0]["token"], "logprob": top[0]["logprob"], "top_logprobs": top}


@pytest.mark.parametrize("thought", [(), ("<think>", "\n\n", "</think>", "\n\n"), ("<think>", "A", "</think>")])
def test_the_label_is_read_after_an_empty_thought(server, endpoint, thought):
    server.data = completion(*thought, labels(B=-0.2, A=-2.0, C=-3.0), "<|im_end|>")
    found = endpoint.decide(RULE, "几点了")
    expected = RULE.decide("几点了", np.array([8.0, 9.8, 7.0]))
    assert (found.intent, found.route, found.confidence) == (expected.intent, expected.route, pytest.approx(expected.confidence))
    assert server.asked[0]["body"]["messages"] == [{"role": "system", "content": "判断意图"}, {"role": "user", "content": "几点了"}]
    assert server.asked[0]["key"] == f"Bearer {KEY}"


def test_a_label_that_is_not_listed_counts_as_the_last_that_is(server, endpoint):
    server.data = completion(labels(A=-0.1, x=-3.0, B=-4.0, y=-5.0))
    assert endpoint.decide(RULE, "q").confidence == pytest.approx(RULE.decide("q", np.array([-0.1, -4.0, -5.0])).confidence)


GARBAGE = {
    "nothing": b"", "html": b"<html>502</html>",
    "list": b"[]", "nested": b"[" * 100_000, "no choices": b"{}", "empty choices": b'{"choices": []}',
    "no message": b'{"choices": [{"index": 0}]}', "no logprobs": b'{"choices": [{"message": {"content": "A"}}]}', "no tokens": completion(),
    "only a thought": completion("<think>", "\n"), "no label": completion(labels(x=-0.1)), "no numbers": completion(labels(A="x")),
    "no finite numbers": completion(labels(A=float("nan"), B=-1.0)), "truncated": completion(labels(A=-0.1))[:-5], "bytes": b"\xff\xfe\x00",
    "huge": b" " * 5_000_000,
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_one_line(server, endpoint, data):
    server.data = data
    with pytest.raises(EdgeError) as refused:
        endpoint.decide(RULE, "几点了")
    assert server.url in str(refused.value) and KEY not in str(refused.value) and len(str(refused.value)) < 400


@pytest.mark.parametrize(("status", "data", "told"), [(500, b"boom", "boom"), (401, b'{"error": {"message": "no key"}}', "no key"),
                                                      (429, b"{}", "429"), (404, b'{"error": 7}', "404")])
def test_a_refusal_is_told(server, endpoint, status, data, told):
    server.status, server.data = status, data
    with pytest.raises(EdgeError, match=f"found {status}.*{told}|{told}"):
        endpoint.complete([{"role": "user", "content": "x"}])


def test_a_redirect_does_not_take_the_key_elsewhere(server, endpoint):
    with Canned() as other:
        threading.Thread(target=other.serve_forever, args=(0.01,), daemon=True).start()
        server.status, server.place = 307, other.url
        with pytest.raises(EdgeError, match="found 307"):
            endpoint.decide(RULE, "几点了")
        assert other.asked == []
        other.shutdown()


def test_a_slow_answer_is_not_waited_for(server):
    server.data, server.wait = b" " * 2_000_000, 0.1
    with Endpoint(server.url, "intent", timeout=0.3) as endpoint, pytest.raises(EdgeError, match="within 0.3 s"):
        endpoint.decide(RULE, "几点了")


def test_nobody_there():
    with Endpoint("http://127.0.0.1:9/v1", "intent") as endpoint, pytest.raises(EdgeError, match="127.0.0.1:9.*start the server"):
        endpoint.models()


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://x/v1", "http://", "http://user:pw@host/v1", "http://[::1/v1"])
def test_what_is_no_base_url(url):
    with pytest.raises(EdgeError, match="base URL"):
        Endpoint(url, "intent")


def test_what_is_no_key_or_timeout():
    with pytest.raises(EdgeError) as refused:
        Endpoint("http://127.0.0.1:9/v1", "intent", f"{KEY}\r\nX: y")
    assert KEY not in str(refused.value)
    for timeout in (0, -1, float("nan"), float("inf")):
        with pytest.raises(EdgeError, match="timeout"):
            Endpoint("http://127.0.0.1:9/v1", "intent", timeout=timeout)


def test_an_empty_query_is_not_sent(server, endpoint):
    with pytest.raises(EdgeError, match="some text"):
        endpoint.decide(RULE, " \n")
    assert server.asked == []
