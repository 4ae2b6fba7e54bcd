"""Clients that ask all at once, and what came of their questions."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from pipeline.percentile import percentile


@dataclass
class Outcome:
    """Of one round.  ``wrong``: answers that belong to another query; ``doubled``: answers that came twice."""

    clients: int
    asked: int
    seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    ids: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    refused: int = 0

    def row(self) -> str:
        answered, doubled = len(self.milliseconds), sum(count - 1 for count in self.ids.values())
        p50, p95 = (f"{percentile(self.milliseconds, q):.1f}" for q in (0.5, 0.95))
        return (f"| {self.clients} | {answered / self.seconds:.0f} | {p50} | {p95} | {self.asked} | {self.refused} | "
                f"{self.asked - answered - self.refused} | {doubled} | {self.wrong} |")


async def ask_all(url: str, queries: Sequence[str], expected: Mapping[str, float], clients: int) -> Outcome:
    """Each query once, by so many clients; ``expected`` is each one's confidence, by which its answer is known."""
    outcome, waiting = Outcome(clients, len(queries)), list(queries)
    context = ssl.create_default_context()  # once for all: it takes longer than an answer

    async def work() -> None:
        async with httpx.AsyncClient(timeout=60, trust_env=False, verify=context) as client:
            while waiting:
                await _ask(client, url, waiting.pop(), expected, outcome)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(clients)))
    outcome.seconds = time.perf_counter() - began
    return outcome


async def _ask(client: httpx.AsyncClient, url: str, query: str, expected: Mapping[str, float], outcome: Outcome) -> None:
    began = time.perf_counter()
    try:
        answer = await client.post(f"{url}/chat/completions", json={"model": "intent", "messages": [{"role": "user", "content": query}]})
    except httpx.HTTPError:
        return  # counted as lost
    if answer.status_code != httpx.codes.OK:
        outcome.refused += 1
        return
    outcome.milliseconds.append(1000 * (time.perf_counter() - began))
    found = answer.json()
    outcome.ids[found["id"]] += 1
    outcome.wrong += abs(found["edge"]["confidence"] - expected[query]) > 1e-6
