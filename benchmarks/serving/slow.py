"""Connections that say half a request and then nothing."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import psutil

from pipeline.percentile import percentile

HALF = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"


@dataclass(frozen=True)
class Flood:
    """``held``: the most that the server had open at once; memory in bytes of resident set; real: of a client that asks meanwhile."""

    opened: int
    held: int
    before: int
    after: int
    asked: int
    answered: int
    p95: float

    def lines(self) -> str:
        return (f"opened {self.opened}, held at once by the server at most {self.held}\n"
                f"its memory: {self.before / 1e6:.1f} MB before, {self.after / 1e6:.1f} MB after\n"
                f"a real client meanwhile: {self.answered} of {self.asked} answered, P95 {self.p95:.0f} ms, a new connection each time")


def flood(url: str, server: psutil.Process, connections: int, queries: Sequence[str]) -> Flood:
    """Open so many slow connections, with a real client asking the queries, evenly spread, while they come."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    address, before = ("127.0.0.1", httpx.URL(url).port or 0), server.memory_info().rss
    opened: list[socket.socket] = []
    held, times, answered = 0, [], 0
    opener = threading.Thread(target=_open, args=(address, connections, opened))
    opener.start()
    for number, query in enumerate(queries):
        while opener.is_alive() and len(opened) < connections * number / len(queries):
            time.sleep(0.01)
        began = time.perf_counter()
        with contextlib.suppress(httpx.HTTPError):
            asked = {"model": "intent", "messages": [{"role": "user", "content": query}]}
            answered += httpx.post(f"{url}/chat/completions", json=asked, timeout=60, trust_env=False).status_code == httpx.codes.OK
        times.append(1000 * (time.perf_counter() - began))
        held = max(held, sum(one.status == psutil.CONN_ESTABLISHED for one in server.net_connections("tcp")))
    opener.join()
    after = server.memory_info().rss
    for line in opened:
        line.close()
    return Flood(len(opened), held, before, after, len(queries), answered, percentile(times, 0.95))


def _open(address: tuple[str, int], connections: int, opened: list[socket.socket]) -> None:
    for _ in range(connections):
        with contextlib.suppress(OSError):  # refused or cut: it does not count as opened
            line = socket.create_connection(address, timeout=60)
            opened.append(line)
            line.sendall(HALF)
