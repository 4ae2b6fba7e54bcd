"""A server as its users have it: a process of its own on a free port, asked over the network."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.measure.subject import Subject
from tests.measure import tiny

ROOT = Path(__file__).parents[2]
COMMAND = "import sys; from pipeline.cli import main; sys.exit(main(sys.argv[1:]))"
KEY = "geheim-4711"
NO_LIMITS = httpx.Limits(max_connections=None)


@dataclass
class Served:
    """A running server; ``url`` ends in /v1."""

    process: subprocess.Popen[str]
    url: str
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20, trust_env=False, limits=NO_LIMITS))

    @property
    def root(self) -> str:
        return self.url.removesuffix("/v1")

    @property
    def port(self) -> int:
        return int(self.root.rpartition(":")[2])

    def ask(self, text: str, **fields: Any) -> httpx.Response:
        return self.post({"model": "intent", "messages": [{"role": "user", "content": text}], **fields})

    def post(self, body: dict[str, Any] | bytes, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(f"{self.url}/chat/completions", content=content, headers={"Content-Type": "application/json", **headers})

    def get(self, path: str) -> httpx.Response:
        return self.client.get(self.root + path)

    def metric(self, line: str) -> float:
        """The value of one line of /metrics, 0 where it is not there yet."""
        lines = self.get("/metrics").text.splitlines()
        return next((float(found.removeprefix(line)) for found in lines if found.startswith(line + " ")), 0.0)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


def start(*arguments: object, program: str = COMMAND, options: tuple[str, ...] = (), **environment: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.Popen([sys.executable, *options, "-c", program, *map(str, arguments)], cwd=ROOT, env=env, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@contextmanager
def running(*arguments: object, **named: Any) -> Iterator[Served]:
    """Until the context ends; the first line that it prints says where it is."""
    process = start(*arguments, **named)
    try:
        assert process.stdout is not None and process.stderr is not None
        url = process.stdout.readline().strip()
        assert url, process.stderr.read()
        yield Served(process, url)
    finally:
        process.kill()
        process.communicate()


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit, "waited a minute in vain"
        time.sleep(0.02)


SLOW = """
import json, os, sys, time
from pipeline.edge.door import read_limits
from pipeline.edge.listen import listen, names_of
from pipeline.edge.server.app import Service, application
from pipeline.edge.server.engines import Piece, Usage
from pipeline.edge.server.protocol import ChatRequest

class Slow:
    takes = ChatRequest
    '''Says the last message word by word.  A number is so many ms of silence, a path waits for that file, and `!` is a mistake.'''
    def answer(self, request):
        for word in request.last_user_message.split():
            if word == "!":
                raise RuntimeError("planted")
            time.sleep(float(word) / 1000 if word.isdigit() else 0)
            while word.startswith("/") and not os.path.exists(word):
                time.sleep(0.01)
            yield Piece(word + " ")
        yield Piece(finish="stop", usage=Usage(1, 1))

settings = json.loads(sys.argv[1])
limits = read_limits().model_copy(update=settings["limits"])
service = Service({"intent": Slow()}, settings["workers"], settings["queue"], settings["deadline"], limits)
listen(application(service, None, names_of("127.0.0.1")), "127.0.0.1", 0, None, "", settings["deadline"], limits)
"""


@contextmanager
def slow(workers: int = 2, queue: int = 64, deadline: float = 20, **limits: float) -> Iterator[Served]:
    """The real server around an engine whose pace a request sets."""
    settings = {"workers": workers, "queue": queue, "deadline": deadline, "limits": limits}
    with running(json.dumps(settings), program=SLOW) as served:
        yield served


@pytest.fixture(scope="session")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def queries() -> list[str]:
    return [record["query"] for record in tiny.records()]


@pytest.fixture(scope="session")
def served(subject: Subject) -> Iterator[Served]:
    with running("serve", "--model", subject.model, "--decision", subject.decision, "--port", 0) as server:
        yield server
