"""A device whose models are tables, and a gateway served by a real server in a thread."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn

from pipeline.data.intents import INTENTS, by_name
from pipeline.edge.declared import Call
from pipeline.edge.door import read_limits
from pipeline.edge.gateway.app import application
from pipeline.edge.gateway.flow import Flow
from pipeline.edge.gateway.learning import Learning
from pipeline.edge.listen import names_of
from pipeline.errors import EdgeError
from pipeline.runtime.decision import Decision

WORDS = {"天气": "weather_query", "几点": "time_query", "加": "simple_qa", "为什么": "knowledge_qa", "推导": "complex_reasoning"}


@dataclass
class TableDevice:
    """Intents by a word of the question, rewriting by replacing 那…呢; ``broken`` answers nothing."""

    has_functions: bool = True
    broken: bool = False
    confidence: float = 0.97
    asked: list[str] = field(default_factory=list)

    def decide(self, query: str) -> Decision:
        if self.broken:
            raise EdgeError("expected an answer of the device, found none")
        self.asked.append(query)
        intent = by_name(next((name for word, name in WORDS.items() if word in query), "open_chat"))
        logits = tuple(float(other is intent) for other in INTENTS)
        route = intent.route if self.confidence >= 0.6 else "cloud"
        return Decision(query, intent.name, self.confidence, route, 0.6, logits)

    def rewrite(self, turns: list[str]) -> str:
        if self.broken:
            raise EdgeError("expected an answer of the device, found none")
        new = turns[-1].removeprefix("那").removesuffix("呢")
        return f"{new}天气怎么样" if "天气" in turns[-2] else turns[-1]

    def choose(self, query: str) -> Call:
        if "加" in query:
            a, _, b = query.partition("加")
            return Call("calculate", {"a": a, "op": "加", "b": b})
        return Call("clock" if "几点" in query else "weather", {"city": query[:2]} if "天气" in query else {})


@contextmanager
def served(flow: Flow, api_key: str | None = None, learning: Learning | None = None) -> Iterator[str]:
    """The base URL of a gateway around ``flow``, with the learning assistant where there is one."""
    sock = socket.create_server(("127.0.0.1", 0))
    app = application(flow, api_key, names_of("127.0.0.1"), read_limits(), learning)
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()
