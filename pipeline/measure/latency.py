"""How long one decision takes, inside the serving process and from its client's side.

Neither is the time to an answer: what follows the decision, a tool, the cloud or the model's own words, is not run here.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

import numpy as np

from pipeline.errors import EdgeError
from pipeline.measure.child import TIMEOUT, ran_as, serving
from pipeline.measure.conditions import conditions_of, watch
from pipeline.measure.measurement import Sample
from pipeline.measure.subject import Subject
from pipeline.percentile import percentile

WARMUP, ROUNDS, SEED = 20, 400, 7


def latency(
    subject: Subject, queries: Sequence[str], *, warmup: int = WARMUP, rounds: int = ROUNDS, timeout: float = TIMEOUT
) -> Sample:
    """Milliseconds of each of ``rounds`` decisions (text -> tokens -> logits -> decision) in a process of their own.

    The queries come in a fixed shuffled order, repeated as often as needed; the first ``warmup`` are not counted.
    details: ``p50`` ``p90`` ``p95`` ``p99`` ``max`` (nearest rank), ``tokens`` of the prompts {least, median, most}.
    """
    plan = order(queries, warmup + rounds)
    with serving(subject, timeout) as (child, opened):
        child.ask("time", queries=plan[:warmup])
        with watch("timing") as seen:
            values = child.ask("time", queries=plan[warmup:])["milliseconds"]
        tokens = child.ask("tokens", queries=list(dict.fromkeys(plan[warmup:])))["tokens"]
    return Sample(
        metric="latency",
        unit="ms",
        artifacts=dict(subject.artifacts),
        conditions={**ran_as(opened), "warmup": warmup, **conditions_of(seen)},
        details={**percentiles(values),
                 "tokens": {"least": min(tokens), "median": float(np.median(tokens)), "most": max(tokens)}},
        invalid=seen.broken,
        values=values,
    )


def client_decision(
    subject: Subject, queries: Sequence[str], *, warmup: int = WARMUP, rounds: int = ROUNDS, timeout: float = TIMEOUT
) -> Sample:
    """Milliseconds a client waits for a decision: query written to the serving process until its JSON is parsed.

    details: the percentiles of `latency`, and ``answer``, the last JSON.
    """
    plan = order(queries, warmup + rounds)
    with serving(subject, timeout) as (child, opened):
        child.ask("serve")
        for query in plan[:warmup]:
            child.tell(query)
            child.hear()
        values = []
        with watch("timing") as seen:
            for query in plan[warmup:]:
                start = time.perf_counter_ns()
                child.tell(query)
                answer = child.hear()
                values.append((time.perf_counter_ns() - start) / 1e6)
    return Sample(
        metric="client_decision",
        unit="ms",
        artifacts=dict(subject.artifacts),
        conditions={**ran_as(opened), "warmup": warmup, "transport": "pipe", **conditions_of(seen)},
        details={**percentiles(values), "answer": answer},
        invalid=seen.broken,
        values=values,
    )


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
