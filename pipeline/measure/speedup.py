"""How much faster a candidate decides than its reference, taken in turns so that drift hits both alike."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pipeline.measure.attempts import undisturbed
from pipeline.measure.child import TIMEOUT, Child, ran_as, serving
from pipeline.measure.conditions import conditions_of
from pipeline.measure.decisions import paired_artifacts
from pipeline.measure.latency import ROUNDS, order, percentiles
from pipeline.measure.machine_lock import THIS_MACHINE
from pipeline.measure.measurement import PairedSample
from pipeline.measure.subject import Subject

WARMUP = 10
PAUSE = 0.005  # s; longer than an idle thread pool spins, so the one that had its turn leaves the cores to the other


def speedup(
    reference: Subject, candidate: Subject, queries: Sequence[str], *,
    warmup: int = WARMUP, rounds: int = ROUNDS, timeout: float = TIMEOUT,
) -> PairedSample:
    """Milliseconds of the same query on both sides, a pair a round, in two live processes.

    The order alternates (reference first, candidate first, ...: ABBA).  details: percentiles of ``reference`` and
    ``candidate``, and ``ratio_of_medians``, the reference's over the candidate's.
    """
    plan = order(queries, rounds)
    with (THIS_MACHINE.alone(), serving(reference, timeout) as (slow, opened_slow),
          serving(candidate, timeout) as (quick, opened_quick)):
        def measure() -> list[tuple[float, float]]:
            for side in (slow, quick):
                side.ask("time", queries=order(queries, warmup))
            return [_pair(slow, quick, query, swap=bool(i % 2)) for i, query in enumerate(plan)]

        pairs, seen = undisturbed("timing", measure)
    before, after = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    shapes = {"reference": percentiles(before), "candidate": percentiles(after)}
    return PairedSample(
        metric="speedup",
        unit="ms",
        artifacts=paired_artifacts(reference.artifacts, candidate.artifacts),
        conditions={"reference": ran_as(opened_slow), "candidate": ran_as(opened_quick), "warmup": warmup,
                    "order": "ABBA", "pause_s": PAUSE, **conditions_of(seen)},
        details={**shapes, "ratio_of_medians": shapes["reference"]["p50"] / shapes["candidate"]["p50"]},
        invalid=seen.broken,
        reference=before,
        candidate=after,
    )


def _pair(reference: Child, candidate: Child, query: str, swap: bool) -> tuple[float, float]:
    took: dict[Child, float] = {}
    for side in (candidate, reference) if swap else (reference, candidate):
        time.sleep(PAUSE)
        took[side] = side.ask("time", queries=[query])["milliseconds"][0]
    return took[reference], took[candidate]
