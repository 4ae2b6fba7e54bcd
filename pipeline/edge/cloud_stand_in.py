"""``python -m pipeline.edge.cloud_stand_in``: a cloud that can be told to fail, for tests and the acceptance run.

A real HTTP server that speaks OpenAI's chat completions under /v1.  The answer repeats the last user message, so the same
question has the same answer; a stream brings it `PIECE` characters at a time.  It keeps every byte that it is sent.

Control, which is not kept:
POST   /control            {"fault": one of `FAULTS`, "times": for so many requests (0: for ever), "delay_ms": before an answer}
GET    /control            {"requests": chat requests so far, "questions": their last user messages}
GET    /control/received   every byte received, of headers and bodies
DELETE /control            forget what was received: no fault, no delay
"""

from __future__ import annotations

import argparse
import io
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAULTS = ("none", "slow", "cut", "429", "500", "garbage", "wrong", "empty", "redirect")
SLOW = 60.0  # s before a slow answer
PIECE = 6  # characters
MODEL = "stand-in"
REFUSALS = {"429": "too many requests", "500": "the stand-in was told to fail"}


@dataclass
class Memory:
    """What was received, and what to do with the next request."""

    wire: list[bytearray] = field(default_factory=list)  # a request each, as its bytes came
    questions: list[str] = field(default_factory=list)
    fault: str = "none"
    times: int = 0
    delay_ms: float = 0.0
    pace_ms: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def received(self) -> bytes:
        """Every byte, in the order of the requests."""
        with self.lock:
            return b"".join(self.wire)

    def hear(self, request: bytearray, data: bytes) -> None:
        """More bytes of a request, before anything is made of them."""
        with self.lock:
            request += data
            if not any(known is request for known in self.wire):
                self.wire.append(request)

    def drop(self, request: bytearray) -> None:
        """It was one of control."""
        with self.lock:
            self.wire = [known for known in self.wire if known is not request]

    def forget(self) -> None:
        """Nothing was received, and nothing is to go wrong."""
        with self.lock:
            self.wire, self.questions, self.fault, self.times, self.delay_ms = [], [], "none", 0, 0.0

    def next_fault(self) -> str:
        """The fault of this request; none again after ``times`` of them."""
        with self.lock:
            fault = self.fault
            if self.times == 1:
                self.fault = "none"
            self.times = max(0, self.times - 1)
            return fault


class Heard(io.RawIOBase):
    """A connection's input, of which every byte read is remembered."""

    def __init__(self, source: io.BufferedIOBase, memory: Memory) -> None:
        self._source, self._memory, self.request = source, memory, bytearray()

    def readline(self, size: int | None = -1) -> bytes:
        return self._keep(self._source.readline(size))

    def read(self, size: int = -1) -> bytes:
        return self._keep(self._source.read(size))

    def _keep(self, data: bytes) -> bytes:
        if data:
            self._memory.hear(self.request, data)
        return data


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a head and a body written apart would wait 40 ms for each other
    server: StandIn

    def setup(self) -> None:
        super().setup()
        self.rfile: Heard = Heard(self.rfile, self.server.memory)  # type: ignore[assignment]

    def log_message(self, *words: object) -> None:
        """Nothing: what is asked is nobody's business."""

    def handle_one_request(self) -> None:
        self.rfile.request = bytearray()
        super().handle_one_request()
        if getattr(self, "path", "").startswith("/control"):
            self.server.memory.drop(self.rfile.request)

    def do_GET(self) -> None:
        memory = self.server.memory
        if self.path == "/control":
            self._say(200, {"requests": len(memory.questions), "questions": memory.questions})
        elif self.path == "/control/received":
            self._send(200, memory.received, "application/octet-stream")
        elif self.path == "/v1/models":
            self._say(200, {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "edge"}]})
        else:
            self._refuse(404, f"no such page: {self.path}")

    def do_DELETE(self) -> None:
        self.server.memory.forget()
        self._say(200, {})

    def do_POST(self) -> None:
        try:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            self._control(body) if self.path == "/control" else self._answer(body)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            self._refuse(400, f"{type(error).__name__}: {error}")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _control(self, body: dict[str, Any]) -> None:
        memory = self.server.memory
        if body.get("fault", "none") not in FAULTS:
            raise ValueError(f"expected a fault among {', '.join(FAULTS)}")
        with memory.lock:
            memory.fault, memory.times = body.get("fault", memory.fault), int(body.get("times", 0))
            memory.delay_ms = float(body.get("delay_ms", memory.delay_ms))
        self._say(200, {})

    def _answer(self, body: dict[str, Any]) -> None:
        memory, question = self.server.memory, str([m for m in body["messages"] if m["role"] == "user"][-1]["content"])
        with memory.lock:
            memory.questions.append(question)
        fault = memory.next_fault()
        time.sleep(SLOW if fault == "slow" else memory.delay_ms / 1000)
        if fault in REFUSALS:
            self._refuse(int(fault), REFUSALS[fault], {"Retry-After": "0"} if fault == "429" else {})
        elif fault == "redirect":
            self._send(307, b"", "text/plain", {"Location": body.get("user") or "http://127.0.0.1:9/v1/chat/completions"})
        elif fault == "garbage":
            self._send(200, "<html>网关错误 bad gateway".encode(), "text/html")
        elif fault == "wrong":
            self._say(200, {"choices": "none"})
        else:
            text = "" if fault == "empty" else answer_to(question)
            (self._stream if body.get("stream") else self._whole)(text, cut=fault == "cut")

    def _whole(self, text: str, cut: bool) -> None:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        data = json.dumps({"id": "stand-in", "object": "chat.completion", "created": 0, "model": MODEL, "choices": [choice]}).encode()
        self._send(200, data[:len(data) // 2] if cut else data, "application/json", {"Content-Length": str(len(data))})
        if cut:
            self._hang_up()

    def _stream(self, text: str, cut: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        events = list(_events(text))
        for event in events[:len(events) // 2] if cut else events:
            data = f"data: {event}\n\n".encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            time.sleep(self.server.memory.pace_ms / 1000)
        if cut:
            self._hang_up()
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _hang_up(self) -> None:
        """What was written arrives, and then the connection is gone."""
        self.wfile.flush()
        time.sleep(0.05)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _refuse(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        error = {"message": message, "type": "stand_in", "param": None, "code": None}
        self._send(status, json.dumps({"error": error}).encode(), "application/json", headers)

    def _say(self, status: int, content: object) -> None:
        self._send(status, json.dumps(content).encode(), "application/json")

    def _send(self, status: int, data: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def answer_to(question: str) -> str:
    """What the stand-in says to a question."""
    return f"【云端替身】您问的是：{question}"


def _events(text: str) -> Iterator[str]:
    parts = [{"role": "assistant", "content": ""}, *({"content": text[at:at + PIECE]} for at in range(0, len(text), PIECE)), {}]
    for part in parts:
        choice = {"index": 0, "delta": part, "finish_reason": None if part else "stop"}
        yield json.dumps({"id": "stand-in", "object": "chat.completion.chunk", "created": 0, "model": MODEL, "choices": [choice]})
    yield "[DONE]"


class StandIn(ThreadingHTTPServer):
    """The server; ``memory`` says what it heard."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int = 0, fault: str = "none", delay_ms: float = 0.0, pace_ms: float = 0.0) -> None:
        self.memory = Memory(fault=fault, delay_ms=delay_ms, pace_ms=pace_ms)
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def url(self) -> str:
        """Its base URL, as a client is given it."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no error."""


def main() -> None:
    parser = argparse.ArgumentParser(description="a cloud that can be told to fail")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one [%(default)s]")
    parser.add_argument("--delay", type=float, default=0.0, help="ms before an answer [%(default)s]")
    parser.add_argument("--pace", type=float, default=0.0, help="ms between the pieces of a stream [%(default)s]")
    parser.add_argument("--fault", choices=FAULTS, default="none")
    options = parser.parse_args()
    with StandIn(options.port, options.fault, options.delay, options.pace) as server:
        print(server.url, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
