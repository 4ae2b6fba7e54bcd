"""Every mistake of a request is one line in OpenAI's error object, and the server lives on."""

from __future__ import annotations

import json
import socket

import httpx
import openai
import pytest

USER = {"role": "user", "content": "天晴"}
BASE = {"model": "intent", "messages": [USER]}
WRONG_FIELDS = [
    {"max_tokens": -1}, {"max_tokens": 0}, {"max_tokens": 1.5}, {"max_tokens": "7"}, {"max_completion_tokens": -3}, {"max_tokens": True},
    {"temperature": -0.1}, {"temperature": 2.1}, {"temperature": "hot"}, {"top_p": 0}, {"top_p": 1.1}, {"seed": 2**63}, {"seed": "x"},
    {"n": 2}, {"n": 0}, {"top_logprobs": 3}, {"logprobs": True, "top_logprobs": 21}, {"logprobs": "yes"}, {"logit_bias": {"1": 1}},
    {"presence_penalty": 1}, {"stop": ["a", "b", "c", "d", "e"]}, {"stop": ""}, {"stop": 7}, {"stream": "yes"}, {"model": 7},
    {"messages": []}, {"messages": None}, {"messages": {}}, {"messages": "天晴"}, {"messages": [USER] * 201}, {"messages": [7]},
    {"messages": [{"role": "user"}]}, {"messages": [{"role": "king", "content": "x"}]}, {"messages": [{"role": "user", "content": 7}]},
    {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, {"messages": [{"role": "assistant"}]},
    {"messages": [{"role": "user", "content": " \n "}]}, {"messages": [{"role": "system", "content": "x"}]},
    {"response_format": {"type": "json_schema"}}, {"response_format": {"type": "xml"}}, {"response_format": 7},
    {"tools": "x"}, {"tools": [{"type": "function"}]}, {"tools": [{"type": "function", "function": {"name": "a b"}}]},
    {"tool_choice": "required"}, {"tool_choice": "sometimes"}, {"functions": []}, {"stream_options": 7},
]
WRONG_BODIES = {
    "empty": b"", "no JSON": b"hello", "half": b'{"model": "intent", "mess', "null": b"null", "list": b"[]", "text": b'"x"', "number": b"7",
    "invalid UTF-8": b'{"model": "intent", "messages": [{"role": "user", "content": "\xff\xfe"}]}',
    "UTF-16": json.dumps(BASE).encode("utf-16"),
    "half a surrogate pair": b'{"model": "intent", "messages": [{"role": "user", "content": "\\ud800"}]}',
    "NaN": b'{"model": "intent", "messages": [{"role": "user", "content": "x"}], "temperature": NaN}',
    "Infinity": b'{"model": "intent", "messages": [{"role": "user", "content": "x"}], "temperature": -Infinity}',
    "NaN where nobody looks": b'{"model": "intent", "messages": [{"role": "user", "content": "x"}], "metadata": NaN}',
    "a number too large": b'{"model": "intent", "messages": [{"role": "user", "content": "x"}], "temperature": 1e999}',
    "too many digits": b'{"model": "intent", "messages": [], "seed": ' + b"9" * 5000 + b"}",
    "nested": b"[" * 100_000 + b"]" * 100_000, "nested objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
}


def message_of(answer: httpx.Response, status: int) -> str:
    error = answer.json()["error"]
    assert answer.status_code == status, answer.text
    assert set(error) == {"message", "type", "param", "code"} and error["type"] == "invalid_request_error"
    assert error["message"] and "\n" not in error["message"] and len(error["message"]) < 400
    return error["message"]


@pytest.mark.parametrize("fields", WRONG_FIELDS, ids=lambda fields: json.dumps(fields)[:60])
def test_a_wrong_field(served, fields):
    message = message_of(served.post({**BASE, **fields}), 400)
    assert any(name in message for name in fields)


@pytest.mark.parametrize("body", WRONG_BODIES.values(), ids=WRONG_BODIES.keys())
def test_a_wrong_body(served, body):
    message_of(served.post(body), 400)
    assert served.post(BASE).status_code == 200


@pytest.mark.parametrize("fields", [{"tools": [{"type": "function", "function": {"name": "weather"}}]},
                                    {"response_format": {"type": "json_object"}}])
def test_what_a_classifier_does_not_do(served, fields):
    assert "functions" in message_of(served.post({**BASE, **fields}), 422)


def test_what_clients_send_besides_is_let_through(served):
    extra = {"user": "me", "metadata": {"a": "b"}, "n": 1, "presence_penalty": 0.0, "store": False, "chat_template_kwargs": {}, "stop": "x",
             "temperature": 0, "top_p": 1, "seed": -5, "tools": None, "parallel_tool_calls": True, "tool_choice": "none"}
    assert served.post({**BASE, **extra}).status_code == 200


def test_an_unknown_model_path_and_method(served):
    assert "intent" in message_of(served.post({**BASE, "model": "gpt"}), 404)
    message_of(served.get("/v1/nothing"), 404)
    message_of(served.get("/v1/chat/completions"), 405)


def test_the_official_client_understands(served):
    client = openai.OpenAI(base_url=served.url, api_key="none", max_retries=0)
    for wrong, expected in (({"n": 3}, openai.BadRequestError), ({"model": "gpt"}, openai.NotFoundError),
                            ({"response_format": {"type": "json_object"}}, openai.UnprocessableEntityError)):
        with pytest.raises(expected) as refused:
            client.chat.completions.create(**{**BASE, **wrong})
        assert refused.value.body["message"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_page_s_form_is_refused(served, kind):
    assert "application/json" in message_of(served.post(json.dumps(BASE).encode(), **{"Content-Type": kind}), 400)


def test_a_name_that_a_page_gave_to_this_machine_is_refused(served):
    assert served.post(BASE, Host="evil.example").status_code == 400
    assert served.post(BASE, Host=f"localhost:{served.port}").status_code == 200


def test_a_megabyte_is_refused_before_it_is_read(served):
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     b"Content-Length: 10000000000\r\n\r\n{")
        assert line.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_long_body_without_a_length_is_refused(served):
    long = json.dumps({**BASE, "user": "x" * 1_000_000}).encode()
    parts = (long[at : at + 50_000] for at in range(0, len(long), 50_000))
    answer = served.client.post(f"{served.url}/chat/completions", content=parts, headers={"Content-Type": "application/json"})
    message_of(answer, 413)
    message_of(served.post(long), 413)
    assert served.post({**BASE, "user": "x" * 900_000}).status_code == 200


@pytest.mark.parametrize("head", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"x" * 100_000,
                                  b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
                                  b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                                  b"GET /health HTTP/1.1\r\n" + b"X: y\r\n" * 10_000])
def test_what_is_no_http(served, head):
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall(head)
        line.shutdown(socket.SHUT_WR)
        answer = b""
        while part := line.recv(1000):
            answer += part
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert served.post(BASE).status_code == 200
