"""Electrical power that deciding adds to the idle machine, where the machine tells."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.measure.attempts import undisturbed
from pipeline.measure.child import TIMEOUT, Child, ran_as, serving
from pipeline.measure.conditions import conditions_of
from pipeline.measure.energy import SHORTEST, Counter, NoCounter, Reading, open_counter
from pipeline.measure.latency import order
from pipeline.measure.machine_lock import THIS_MACHINE
from pipeline.measure.measurement import NotMeasured, Sample
from pipeline.measure.subject import Subject

WINDOWS, SECONDS, WARMUP, BATCH = 5, 1.0, 100, 10


def power(
    subject: Subject, queries: Sequence[str], *, windows: int = WINDOWS, seconds: float = SECONDS,
    timeout: float = TIMEOUT,
) -> Sample | NotMeasured:
    """Milliwatts of ``windows`` busy windows of about ``seconds`` each, less the median of as many idle windows.

    Busy is back-to-back decisions in the serving process; idle is the same process waiting.  details: ``busy`` and
    ``idle`` mW, ``added_by_part`` (of CPU, GPU, Neural Engine and what else the counter tells, whose sum is judged: mW of each
    busy window less the median of idle), ``millijoules_per_decision``, ``counter``.  conditions: ``counter`` and its ``parts``.
    Without a counter that can be believed, or when it does not move: not measured.
    """
    try:
        counter = open_counter()
        with THIS_MACHINE.alone(), serving(subject, timeout) as (child, opened):
            facts, seen = undisturbed("power", lambda: _measure(counter, child, order(queries, WARMUP), windows, seconds))
    except NoCounter as error:
        return NotMeasured(metric="added_power", unit="mW", artifacts=dict(subject.artifacts), reason=str(error))
    return Sample(
        metric="added_power",
        unit="mW",
        artifacts=dict(subject.artifacts),
        conditions={**ran_as(opened), "counter": counter.source, "parts": sorted(facts["added_by_part"]), "window_s": seconds,
                    **conditions_of(seen)},
        details={**facts, "value": "busy less the median of idle"},
        invalid=seen.broken,
        values=[busy - statistics.median(facts["idle"]) for busy in facts["busy"]],
    )


def _measure(counter: Counter, child: Child, plan: list[str], windows: int, seconds: float) -> dict[str, Any]:
    """Idle and busy windows in turns, so that a drift of the machine hits both."""
    child.ask("time", queries=plan)  # warm-up
    idle, busy, each = [], [], []
    for _ in range(windows):
        idle.append(_window(counter, lambda: time.sleep(seconds))[0])
        reading, took, decided = _window(counter, lambda: _decide_for(seconds, child, plan))
        busy.append(reading)
        each.append(_milliwatts(reading) * took / decided)
    parts = _parts(counter.source, [*idle, *busy])
    told = {"idle": [_milliwatts(reading) for reading in idle], "busy": [_milliwatts(reading) for reading in busy]}
    if statistics.median(told["busy"]) <= 0 or statistics.median(told["busy"]) <= statistics.median(told["idle"]):
        raise NoCounter(f"{counter.source} read {statistics.median(told['busy']):.0f} mW while deciding and "
                        f"{statistics.median(told['idle']):.0f} mW while idle, so it does not see this work; "
                        "measure on a machine with working energy counters")
    return {**told, "added_by_part": {part: _added(part, idle, busy) for part in parts}, "millijoules_per_decision": each,
            "counter": counter.source}


def _parts(source: str, readings: Sequence[Reading]) -> list[str]:
    """The parts that every window tells; a sum of now more and now fewer parts would be none."""
    parts = {tuple(sorted(reading.millijoules)) for reading in readings}
    if len(parts) != 1:
        raise NoCounter(f"{source} told {' and then '.join(', '.join(some) for some in sorted(parts))}; expected the same parts of the "
                        "machine in every window; measure again")
    return list(parts.pop())


def _milliwatts(reading: Reading) -> float:
    return reading.total / reading.seconds


def _added(part: str, idle: Sequence[Reading], busy: Sequence[Reading]) -> list[float]:
    usual = statistics.median(reading.milliwatts[part] for reading in idle)
    return [reading.milliwatts[part] - usual for reading in busy]


def _decide_for(seconds: float, child: Child, plan: list[str]) -> int:
    """Decides in batches until the time is over; how many decisions that were."""
    decided, stop = 0, time.monotonic() + seconds
    while time.monotonic() < stop:
        decided += len(child.ask("time", queries=plan[:BATCH])["milliseconds"])
    return decided


def _window(counter: Counter, work: Callable[[], Any]) -> tuple[Reading, float, Any]:
    """(the reading, seconds, what the work returned) of one window; NoCounter where it was not read over about this window."""
    counter.begin()
    start = time.perf_counter()
    result = work()
    took = time.perf_counter() - start
    reading = counter.end()
    if took < SHORTEST or not took / 2 <= reading.seconds <= took * 2:
        raise NoCounter(f"{counter.source}: expected energy over a window of at least {SHORTEST:g} s, found it over "
                        f"{reading.seconds:.3f} s of {took:.3f} s; measure with longer windows")
    return reading, took, result
