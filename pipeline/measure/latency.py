"""How long one decision takes, inside the serving process and from its client's side.

Neither is the time to an answer: what follows the decision, a tool, the cloud or the model's own words, is not run here.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from pipeline.errors import EdgeError
from pipeline.measure.attempts import undisturbed
from pipeline.measure.child import TIMEOUT, Child, ran_as, serving
from pipeline.measure.conditions import conditions_of
from pipeline.measure.machine_lock import THIS_MACHINE
from pipeline.measure.measurement import Sample
from pipeline.measure.subject import Subject
from pipeline.percentile import percentile

WARMUP, ROUNDS, SEED = 20, 400, 7
LOOKS = 3  # at 1, 2 and 4 times the rounds
BUDGET = 120.0  # s

Settled = Callable[[Sample], bool]


def latency(
    subject: Subject, queries: Sequence[str], *, warmup: int = WARMUP, rounds: int = ROUNDS, timeout: float = TIMEOUT,
    settled: Settled | None = None, budget: float = BUDGET, metric: str = "latency",
) -> Sample:
    """Milliseconds of each of ``rounds`` decisions (text -> tokens -> logits -> decision) in a process of their own.

    The queries come in a fixed shuffled order, repeated as often as needed; the first ``warmup`` are not counted.
    With ``settled`` the sample is looked at, and taken to twice and four times the rounds in the same process until that
    holds or ``budget`` seconds would not do.  metric: another name, where more is timed than a decision (`Subject.workspace`).
    details: ``p50`` ``p90`` ``p95`` ``p99`` ``max`` (nearest rank), ``tokens`` of the prompts {least, median, most}.
    """
    plan = order(queries, warmup + rounds * 2 ** (LOOKS - 1))
    empty = Sample(metric=metric, unit="ms", artifacts=dict(subject.artifacts), looks=LOOKS if settled else 1)
    with THIS_MACHINE.alone(), serving(subject, timeout) as (child, opened):
        def measure() -> Sample:
            child.ask("time", queries=plan[:warmup])
            left = iter(plan[warmup:])
            return _look_by_look(empty, lambda count: child.ask("time", queries=list(islice(left, count)))["milliseconds"],
                                 rounds, settled or (lambda _: True), budget)

        sample, seen = undisturbed("timing", measure)
        timed = plan[warmup:warmup + len(sample.values)]
        tokens = child.ask("tokens", queries=list(dict.fromkeys(timed)))["tokens"]
    return replace(
        sample,
        conditions={**ran_as(opened), "warmup": warmup, **conditions_of(seen)},
        details={**percentiles(sample.values),
                 "tokens": {"least": min(tokens), "median": float(np.median(tokens)), "most": max(tokens)}},
        invalid=seen.broken,
    )


def _look_by_look(
    empty: Sample, take: Callable[[int], list[float]], rounds: int, settled: Settled, budget: float
) -> Sample:
    """``rounds`` values, and as many again as there are, until it is settled, `LOOKS` looks were taken or time is short."""
    started, sample = time.monotonic(), replace(empty, values=take(rounds))
    for _ in range(LOOKS - 1):
        doubled = 2 * (time.monotonic() - started)  # s; what it would have cost in all
        if settled(sample) or doubled > budget:
            break
        sample = replace(sample, values=sample.values + take(len(sample.values)))
    return sample


def client_decision(
    subject: Subject, queries: Sequence[str], *, warmup: int = WARMUP, rounds: int = ROUNDS, timeout: float = TIMEOUT
) -> Sample:
    """Milliseconds a client waits for a decision: query written to the serving process until its JSON is parsed.

    details: the percentiles of `latency`, and ``answer``, the last JSON.
    """
    plan = order(queries, warmup + rounds)
    with THIS_MACHINE.alone(), serving(subject, timeout) as (child, opened):
        child.ask("serve")
        (waits, answer), seen = undisturbed("timing", lambda: _wait_for_each(child, plan))
    values = waits[warmup:]
    return Sample(
        metric="client_decision",
        unit="ms",
        artifacts=dict(subject.artifacts),
        conditions={**ran_as(opened), "warmup": warmup, "transport": "pipe", **conditions_of(seen)},
        details={**percentiles(values), "answer": answer},
        invalid=seen.broken,
        values=values,
    )


def _wait_for_each(child: Child, queries: Sequence[str]) -> tuple[list[float], dict[str, Any]]:
    """The milliseconds of each wait, and the last answer."""
    waits: list[float] = []
    for query in queries:
        start = time.perf_counter_ns()
        child.tell(query)
        answer = child.hear()
        waits.append((time.perf_counter_ns() - start) / 1e6)
    return waits, answer


def order(queries: Sequence[str], count: int) -> list[str]:
    """``count`` queries in an order that is always the same for the same queries: shuffled, then repeated."""
    distinct = sorted(set(queries))
    if not distinct or count < 1:
        raise EdgeError(f"expected queries to time, found {len(distinct)} for {count} rounds; check the data")
    random.Random(SEED).shuffle(distinct)
    return [distinct[i % len(distinct)] for i in range(count)]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p90, p95, p99 and max."""
    return {**{f"p{q}": percentile(values, q / 100) for q in (50, 90, 95, 99)}, "max": max(values)}
