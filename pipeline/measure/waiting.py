"""How long something in this process takes to answer, at a number of indexed or recorded items."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.measure.attempts import undisturbed
from pipeline.measure.conditions import conditions_of
from pipeline.measure.latency import ROUNDS, WARMUP, order, percentiles
from pipeline.measure.measurement import Sample


def waiting(
    metric: str, answer: Callable[[str], Any], questions: Sequence[str], *, items: int, rounds: int = ROUNDS, warmup: int = WARMUP,
    artifacts: Mapping[str, str] = {},
) -> Sample:
    """Milliseconds of each of ``rounds`` answers, alone on the machine, questions in the fixed order of `pipeline.measure.latency`.

    ``items``: how many there were to search, a condition of the measurement.  details: percentiles.
    """
    plan = order(questions, warmup + rounds)

    def measure() -> list[float]:
        return [_milliseconds(answer, question) for question in plan][warmup:]

    values, seen = undisturbed("timing", measure)
    conditions = {"items": items, "warmup": warmup, **conditions_of(seen)}
    return Sample(metric, "ms", dict(artifacts), conditions, percentiles(values), seen.broken, values)


def _milliseconds(answer: Callable[[str], Any], question: str) -> float:
    start = time.perf_counter_ns()
    answer(question)
    return (time.perf_counter_ns() - start) / 1e6
