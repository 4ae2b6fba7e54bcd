"""The cloud client against a real server that fails in every way it can."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from pipeline.edge.cloud_stand_in import StandIn, answer_to
from pipeline.edge.gateway.cloud import Cloud
from pipeline.edge.gateway.completion import CloudError
from pipeline.edge.gateway.limits import read_limits
from pipeline.errors import EdgeError
from tests.gateway.conftest import SHORT

KEY = "sk-secret-of-the-cloud"
ASKED = [{"role": "user", "content": "为什么天是蓝的"}]


@pytest.fixture
def cloud(stand_in):
    client = Cloud(stand_in.url, "stand-in", KEY, SHORT)
    yield client
    client.close()


def ask(cloud: Cloud, stream: bool = True) -> str:
    return "".join(part.text for part in cloud.ask(ASKED, {"stream": stream}))


def told(stand_in: StandIn, fault: str, times: int = 0) -> None:
    stand_in.memory.fault, stand_in.memory.times = fault, times


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_arrives_whole(cloud, stream):
    parts = list(cloud.ask(ASKED, {"stream": stream}))
    assert "".join(part.text for part in parts) == answer_to(ASKED[0]["content"])
    assert [part.finish for part in parts if part.finish] == ["stop"] and parts[-1].finish
    assert (len(parts) > 3) == stream


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("fault", "trouble", "requests"), [
    ("429", "busy", 3), ("500", "failing", 3), ("garbage", "garbage", 1), ("wrong", "garbage", 1), ("empty", "garbage", 1),
    ("slow", "slow", 1), ("redirect", "refused", 1)])
def test_each_fault_has_its_name_and_its_attempts(cloud, stand_in, fault, trouble, requests, stream):
    told(stand_in, fault)
    with pytest.raises(CloudError, match="^cloud: expected") as caught:
        ask(cloud, stream)
    assert caught.value.trouble == trouble
    assert len(stand_in.memory.questions) == requests
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("fault", ["429", "500"])
def test_a_passing_fault_is_not_noticed(cloud, stand_in, fault):
    told(stand_in, fault, times=2)
    assert ask(cloud) == answer_to(ASKED[0]["content"])
    assert len(stand_in.memory.questions) == 3


def test_what_is_cut_before_a_word_is_asked_again(cloud, stand_in):
    told(stand_in, "cut", times=1)
    assert ask(cloud, stream=False) == answer_to(ASKED[0]["content"])
    assert len(stand_in.memory.questions) == 2


def test_what_is_cut_after_a_word_is_never_asked_again(cloud, stand_in):
    told(stand_in, "cut", times=1)
    heard = []
    with pytest.raises(CloudError) as caught:
        for part in cloud.ask(ASKED, {"stream": True}):
            heard.append(part.text)
    assert caught.value.trouble == "cut" and "".join(heard) and answer_to(ASKED[0]["content"]).startswith("".join(heard))
    assert len(stand_in.memory.questions) == 1


def test_nobody_there_is_unreachable():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        cloud = Cloud(f"http://127.0.0.1:{taken.getsockname()[1]}/v1", "stand-in", None, SHORT)
        with pytest.raises(CloudError, match="expected to reach it") as caught:
            ask(cloud)
    assert caught.value.trouble == "unreachable"


def test_the_breaker_opens_rests_and_closes_again(cloud, stand_in):
    told(stand_in, "500")
    for _ in range(2):  # three attempts, then the fourth opens it
        with pytest.raises(CloudError):
            ask(cloud)
    assert cloud.resting
    before = len(stand_in.memory.questions)
    with pytest.raises(CloudError) as caught:
        ask(cloud)
    assert caught.value.trouble == "resting" and len(stand_in.memory.questions) == before == SHORT.failures
    told(stand_in, "none")
    time.sleep(SHORT.rest + 0.05)
    assert ask(cloud) and not cloud.resting


def test_neither_a_busy_cloud_nor_a_mistake_opens_the_breaker(cloud, stand_in):
    for fault in ("429", "429", "redirect", "redirect"):
        told(stand_in, fault)
        with pytest.raises(CloudError):
            ask(cloud)
    assert not cloud.resting


def test_a_client_that_stops_listening_does_not_open_the_breaker(cloud):
    for _ in range(SHORT.failures + 1):
        answer = cloud.ask(ASKED, {"stream": True})
        next(answer)
        answer.close()
    assert not cloud.resting


def test_many_at_once_are_not_asked_one_by_one(stand_in):
    stand_in.memory.delay_ms = 200
    cloud, most, now, lock = Cloud(stand_in.url, "m", None, SHORT), 0, 0, threading.Lock()

    def one() -> None:
        nonlocal most, now
        parts = cloud.ask(ASKED, {"stream": True})
        next(parts)
        with lock:
            now += 1
            most = max(most, now)
        gate.wait(5)
        list(parts)

    gate = threading.Barrier(8)  # passed only when all eight answers have begun
    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 8 and not gate.broken


def test_a_long_retry_after_is_not_waited_for(raw_cloud):
    cloud, asked = raw_cloud(b"HTTP/1.1 429 no\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(CloudError) as caught:
        ask(cloud)
    assert caught.value.retry_after == 3600 and len(asked) == 1


@pytest.mark.parametrize("reply", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b" " * 200_000,
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + b"data: " + b"x" * 200_000,
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {\"choices\": [[]]}\n\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 100002\r\n\r\n" + b"[" * 50_000 + b"]" * 50_002,
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x00\x00",
    b"HTTP/1.1 200 OK\r\nContent-Length: 62\r\n\r\n{\"choices\": [{\"message\": {\"content\": [1]}, \"index\": 0       }]}",
])
def test_hostile_answers_are_garbage(raw_cloud, reply):
    cloud, _ = raw_cloud(reply)
    with pytest.raises(CloudError) as caught:
        ask(cloud)
    assert caught.value.trouble == "garbage" and len(str(caught.value)) < 300


def test_a_lone_surrogate_does_not_break_the_answer(raw_cloud):
    body = b'{"choices": [{"message": {"content": "a\\ud800b"}}]}'
    cloud, _ = raw_cloud(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert ask(cloud).encode()


@pytest.mark.parametrize("url", ["", "cloud.example", "ftp://x/v1", "https://user:pass@x/v1", "https://x/v1?key=1", "http://[", "http://cloud.example/v1"])
def test_a_url_of_no_use_is_refused_without_its_secrets(url):
    with pytest.raises(EdgeError, match="--cloud: expected") as caught:
        Cloud(url, "m", KEY, SHORT)
    assert "pass" not in str(caught.value)


def test_the_key_goes_to_the_cloud_and_not_after_a_redirect(cloud, stand_in):
    with StandIn() as other:
        threading.Thread(target=other.serve_forever, args=(0.02,), daemon=True).start()
        told(stand_in, "redirect")
        with pytest.raises(CloudError):
            list(cloud.ask(ASKED, {"user": f"{other.url}/chat/completions"}))
        other.shutdown()
        assert other.memory.received == b""
    time.sleep(0.05)
    assert f"Bearer {KEY}".encode() in stand_in.memory.received


def test_the_limits_that_ship_are_readable(tmp_path):
    assert read_limits().attempts >= 1
    bad = tmp_path / "limits.yaml"
    bad.write_text("connect: -1\n")
    with pytest.raises(EdgeError, match="limits.yaml: "):
        read_limits(bad)


@pytest.fixture
def raw_cloud():
    """A cloud that sends the same bytes to whoever asks, and hangs up."""
    servers = []

    def start(reply: bytes) -> tuple[Cloud, list[bytes]]:
        server, asked = socket.create_server(("127.0.0.1", 0)), []
        servers.append(server)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    asked.append(connection.recv(65536))
                    try:
                        connection.sendall(reply)
                        connection.shutdown(socket.SHUT_WR)
                        connection.recv(1)
                    except OSError:
                        pass

        threading.Thread(target=serve, daemon=True).start()
        return Cloud(f"http://127.0.0.1:{server.getsockname()[1]}/v1", "m", None, SHORT), asked

    yield start
    for server in servers:
        server.close()
