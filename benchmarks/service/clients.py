"""Clients that send jobs all at once and look after them until each is over."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

from pipeline.percentile import percentile

OVER = ("succeeded", "failed", "cancelled")


@dataclass
class Outcome:
    """Of one round.  Times in s; ``states``: of the jobs in the end, as the service tells each by its id; ``problems``: refusals."""

    clients: int
    sent: int
    ids: list[str] = field(default_factory=list)
    posts: list[float] = field(default_factory=list)
    gets: list[float] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    listed: int = 0

    @property
    def refused(self) -> int:
        return self.problems.total()

    @property
    def lost(self) -> int:
        """Jobs that were accepted and did not succeed, or are not in the list."""
        return len(self.ids) - min(self.states["succeeded"], self.listed)

    def row(self) -> str:
        times = " | ".join(f"{1000 * percentile(values, q):.0f}" for values in (self.posts, self.gets) for q in (0.5, 0.95))
        return (f"| {self.clients} | {self.sent} | {self.refused} | {self.lost} | {len(self.ids) - len(set(self.ids))} | {times} | "
                f"{len(self.ids) / self.seconds:.1f} |")


async def load(url: str, body: dict[str, Any], jobs: int, clients: int) -> Outcome:
    """So many jobs of one kind, sent by so many clients, each of which then asks for its own until they are over."""
    outcome, begun, waiting = Outcome(clients, jobs), time.perf_counter(), list(range(jobs))
    async with httpx.AsyncClient(base_url=url, timeout=120, trust_env=False, limits=httpx.Limits(max_connections=clients)) as client:
        async def work() -> None:
            mine = []
            while waiting:
                waiting.pop()
                if (job := await _send(client, body, outcome)) is not None:
                    mine.append(job)
            for job in mine:
                outcome.states[await _follow(client, job, outcome)] += 1

        await asyncio.gather(*(work() for _ in range(clients)))
        outcome.seconds = time.perf_counter() - begun
        outcome.listed = len(set(outcome.ids) & await _all(client))
    return outcome


async def _send(client: httpx.AsyncClient, body: dict[str, Any], outcome: Outcome) -> str | None:
    began = time.perf_counter()
    answer = await client.post("/quantize", json=body)
    outcome.posts.append(time.perf_counter() - began)
    if _is_problem(answer, outcome):
        return None
    outcome.ids.append(job := answer.json()["data"]["id"])
    return job


async def _follow(client: httpx.AsyncClient, job: str, outcome: Outcome) -> str:
    while True:
        began = time.perf_counter()
        answer = await client.get(f"/jobs/{job}")
        outcome.gets.append(time.perf_counter() - began)
        if not _is_problem(answer, outcome) and (state := answer.json()["data"]["state"]) in OVER:
            return state
        await asyncio.sleep(1)


def _is_problem(answer: httpx.Response, outcome: Outcome) -> bool:
    if answer.is_error:
        outcome.problems[f"{answer.request.method} {answer.status_code}: {answer.json()['message']}"] += 1
    return answer.is_error


async def _all(client: httpx.AsyncClient) -> set[str]:
    """The ids in the list, page by page."""
    found, cursor = set[str](), None
    while True:
        page = (await client.get("/jobs", params={"limit": 500, **({"cursor": cursor} if cursor else {})})).json()["data"]
        found |= {job["id"] for job in page["jobs"]}
        if (cursor := page["cursor"]) is None:
            return found
