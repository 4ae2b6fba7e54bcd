"""What the server bounds: its queue, its patience, its connections; and how it ends."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from pipeline.cli import main
from tests.serve.conftest import KEY, Served, running, slow, start, until

RUNNING, WAITING = 'edge_in_flight{model="intent"}', 'edge_queue_depth{model="intent"}'


def body(text: str, **fields: object) -> bytes:
    return json.dumps({"model": "intent", "messages": [{"role": "user", "content": text}], **fields}).encode()


def head(length: int) -> bytes:
    return (b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % length)


def connect(server: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=15)


def closed(line: socket.socket) -> bool:
    """Waits until the server ends a connection, whatever it says before."""
    try:
        while line.recv(1000):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """What a request waits for that names it; opened at the end, so that no thread waits for ever."""
    path = tmp_path / "open"
    yield path
    path.touch()


def test_a_full_queue_refuses_and_says_when_to_come_again(gate):
    with slow(workers=1, queue=2) as server, ThreadPoolExecutor(3) as pool:
        taken = [pool.submit(server.ask, str(gate)) for _ in range(3)]
        until(lambda: (server.metric(RUNNING), server.metric(WAITING)) == (1, 2))
        refused = server.ask("b")
        gate.touch()
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"]["type"] == "rate_limit_error"
        assert [answer.result().status_code for answer in taken] == [200] * 3
        assert server.ask("b").status_code == 200


def test_the_deadline_ends_an_answer_and_its_computation():
    with slow(workers=1, deadline=1.5) as server:
        assert server.ask("20 " * 5000).status_code == 504
        until(lambda: server.metric(RUNNING) == 0)
        streamed = server.ask("hello " + "20 " * 5000, stream=True)
        assert streamed.status_code == 200 and '"content": "hello "' in streamed.text
        events = [json.loads(line.removeprefix("data: ")) for line in streamed.text.splitlines() if line]
        assert events[-1]["error"]["type"] == "server_error" and "deadline" in events[-1]["error"]["message"]
        until(lambda: server.metric(RUNNING) == 0)
        assert server.metric('edge_requests_total{model="intent",status="504"}') == 2
        assert server.ask("hello").status_code == 200


def test_who_waits_past_the_deadline_is_told(gate):
    with slow(workers=1, deadline=1) as server, ThreadPoolExecutor(2) as pool:
        first = pool.submit(server.ask, str(gate))
        until(lambda: server.metric(RUNNING) == 1)
        assert server.ask("x").status_code == first.result().status_code == 504


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_stops_its_computation(stream):
    with slow(workers=1) as server:
        with connect(server) as line:
            content = body("20 " * 5000, stream=stream)
            line.sendall(head(len(content)) + content)
            until(lambda: server.metric(RUNNING) == 1)
        until(lambda: server.metric(RUNNING) == 0)
        until(lambda: server.metric('edge_requests_total{model="intent",status="499"}') == 1)


def test_a_mistake_of_ours_is_one_line_and_no_end():
    with slow() as server:
        whole, streamed = server.ask("!"), server.ask("hello !", stream=True)
        assert whole.status_code == 500 and "planted" not in whole.text and "log" in whole.json()["error"]["message"]
        assert "planted" not in streamed.text and '"error"' in streamed.text and "[DONE]" not in streamed.text
        assert server.ask("hello").status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_graceful_stop_finishes_what_runs_and_refuses_what_is_new(number, gate):
    with slow() as server, ThreadPoolExecutor(2) as pool:
        running_now = [pool.submit(server.ask, f"hello {gate}", stream=stream) for stream in (False, True)]
        until(lambda: server.metric(RUNNING) == 2)
        server.process.send_signal(number)
        until(lambda: _refuses(server))
        assert not any(answer.done() for answer in running_now)
        gate.touch()
        assert [answer.result().status_code for answer in running_now] == [200, 200] and "[DONE]" in running_now[1].result().text
        assert server.process.wait(10) == 0


def _refuses(server: Served) -> bool:
    try:
        connect(server).close()
        return False
    except ConnectionRefusedError:
        return True


def test_a_stop_does_not_wait_beyond_the_deadline():
    with slow(deadline=1, arrival=600) as server, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.ask, "20 " * 5000)
        until(lambda: server.metric(RUNNING) == 1)
        with connect(server) as silent:
            silent.sendall(head(10))
            assert server.stop() == 0
        assert answer.result().status_code == 504


def test_a_killed_server_starts_again_on_its_port(subject, queries):
    arguments = ("serve", "--model", subject.model, "--decision", subject.decision, "--port")
    with running(*arguments, 0) as server, connect(server):
        before = server.ask(queries[0]).json()["edge"]
        port = server.port
        server.process.kill()
        server.process.wait()
        with running(*arguments, port) as again:
            assert again.port == port and again.ask(queries[0]).json()["edge"] == before


def test_a_busy_port_is_an_error_and_not_another_port(served, subject):
    second = start("serve", "--model", subject.model, "--decision", subject.decision, "--port", served.port)
    output, errors = second.communicate(timeout=30)
    assert second.returncode == 2 and output == "" and "expected a free port" in errors and len(errors.splitlines()) == 1
    assert served.get("/health").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
def test_others_are_let_in_only_with_a_key(host, monkeypatch, capsys):
    monkeypatch.delenv("EDGE_API_KEY", raising=False)
    assert main(["serve", "--host", host]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "EDGE_API_KEY" in line and host in line


@pytest.mark.parametrize("key", ["two words\n", "schlüssel", " x"])
def test_a_key_that_no_header_can_carry(key, monkeypatch, capsys):
    monkeypatch.setenv("EDGE_API_KEY", key)
    assert main(["serve"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "EDGE_API_KEY" in line and key not in line


@pytest.mark.parametrize("wrong", [["--queue", "0"], ["--deadline", "0"], ["--deadline", "nan"], ["--threads", "0"], ["--port", "70000"],
                                   ["--port", "-1"], ["--model", "nowhere"], ["--functions", "nowhere"]])
def test_a_wrong_option_is_one_line(wrong, subject, monkeypatch, capsys):
    monkeypatch.setenv("EDGE_API_KEY", KEY)
    assert main(["serve", "--model", str(subject.model), "--decision", str(subject.decision), *wrong]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("edge: ") and KEY not in line


def test_silent_connections_are_cut():
    with slow(arrival=0.5) as server:
        with connect(server) as silent, connect(server) as half, connect(server) as dripping:
            half.sendall(b"POST /v1/chat")
            dripping.sendall(head(100) + b"{")
            assert closed(silent) and closed(half)
            assert dripping.recv(1000).startswith(b"HTTP/1.1 408 ") and closed(dripping)


def test_one_who_never_reads_its_answer_is_cut():
    with slow(deadline=0.5, arrival=0.5) as server, connect(server) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        content = body("x" * 200_000 + " 1" * 200, stream=True)
        line.sendall(head(len(content)) + content)
        until(lambda: server.metric(RUNNING) == 0)
        until(lambda: _connections(server) <= 1)


def _connections(server: Served) -> int:
    """Established connections, as the system sees them from the server's side."""
    return sum(one.status == psutil.CONN_ESTABLISHED for one in psutil.Process(server.process.pid).net_connections("tcp"))


def test_slow_connections_are_bounded_and_keep_nobody_out():
    most = 50
    with slow(connections=most, backlog=500, arrival=60) as server:
        lines = []
        for _ in range(400):
            lines.append(connect(server))
            lines[-1].sendall(b"POST /v1/chat/completions HTTP/1.1\r\n")
        with httpx.Client(trust_env=False) as fresh:
            answer = fresh.post(f"{server.url}/chat/completions", content=body("hello"), headers={"Content-Type": "application/json"})
        assert answer.status_code == 200
        until(lambda: _connections(server) <= most)
        for line in lines:
            line.close()


def test_who_is_being_answered_keeps_its_place(gate):
    with slow(connections=4, backlog=50) as server, ThreadPoolExecutor(2) as pool:
        answer = pool.submit(server.ask, str(gate))
        until(lambda: server.metric(RUNNING) == 1)
        lines = [connect(server) for _ in range(30)]
        until(lambda: _connections(server) <= 4)
        gate.touch()
        assert answer.result().status_code == 200
        for line in lines:
            line.close()
