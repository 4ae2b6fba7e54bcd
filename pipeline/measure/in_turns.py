"""How long one decision of each of several models takes, in turns, so that drift hits all of them alike."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack

from pipeline.measure.attempts import undisturbed
from pipeline.measure.child import TIMEOUT, ran_as, serving
from pipeline.measure.conditions import conditions_of
from pipeline.measure.latency import SEED, order, percentiles
from pipeline.measure.machine_lock import THIS_MACHINE
from pipeline.measure.measurement import Sample
from pipeline.measure.speedup import PAUSE, WARMUP
from pipeline.measure.subject import Subject

ROUNDS = 200


def latency_in_turns(
    subjects: Sequence[Subject], queries: Sequence[str], *, warmup: int = WARMUP, rounds: int = ROUNDS, timeout: float = TIMEOUT,
) -> list[Sample]:
    """Milliseconds of the same ``rounds`` decisions by each subject, in their order; all of them live at once.

    Every round asks everybody the same query, in an order drawn anew, and first another that is not timed: while the others had
    their turns, its weights left the caches.  details: percentiles, as of `latency`.
    """
    plan, first = order(queries, rounds), order(queries, warmup)
    with ExitStack() as living:
        living.enter_context(THIS_MACHINE.alone())
        children = [living.enter_context(serving(subject, timeout)) for subject in subjects]

        def measure() -> list[list[float]]:
            for child, _ in children:
                child.ask("time", queries=first)
            took: list[list[float]] = [[] for _ in children]
            dice = random.Random(SEED)
            for before, query in zip([*first[-1:], *plan], plan, strict=False):
                for place in dice.sample(range(len(children)), len(children)):
                    time.sleep(PAUSE)
                    took[place] += children[place][0].ask("time", queries=[before, query])["milliseconds"][1:]
            return took

        took, seen = undisturbed("timing", measure)
    return [
        Sample(metric="latency", unit="ms", artifacts=dict(subject.artifacts),
               conditions={**ran_as(opened), "warmup": warmup, "order": "random each round", "pause_s": PAUSE, **conditions_of(seen)},
               details=percentiles(values), invalid=seen.broken, values=values)
        for subject, (_, opened), values in zip(subjects, children, took, strict=True)]
