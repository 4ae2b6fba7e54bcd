"""How long an answer takes that no model is asked for: from the question's words to what is said."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.measure.attempts import undisturbed
from pipeline.measure.conditions import conditions_of
from pipeline.measure.latency import order, percentiles
from pipeline.measure.measurement import Sample

WARMUP, ROUNDS = 20, 400


def answer_time(metric: str, answer: Callable[[str], object], questions: Sequence[str], conditions: Mapping[str, Any] = {}, *,
                warmup: int = WARMUP, rounds: int = ROUNDS) -> Sample:
    """Milliseconds of each of ``rounds`` answers, alone on the machine; the first ``warmup`` are not counted.

    The questions come in a fixed shuffled order, repeated as often as needed.  details: percentiles.
    """
    plan = order(questions, warmup + rounds)
    for question in plan[:warmup]:
        answer(question)

    def measure() -> list[float]:
        values = []
        for question in plan[warmup:]:
            start = time.perf_counter_ns()
            answer(question)
            values.append((time.perf_counter_ns() - start) / 1e6)
        return values

    values, seen = undisturbed("timing", measure)
    return Sample(metric, "ms", {}, {**conditions, "warmup": warmup, **conditions_of(seen)}, percentiles(values), seen.broken, values)
