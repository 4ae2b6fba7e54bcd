"""Measure alone on the machine, and again when its conditions were broken meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from pipeline.measure.conditions import Kind, Seen, watch
from pipeline.measure.machine_lock import THIS_MACHINE

ATTEMPTS = 3
PAUSE = 2.0  # s; what disturbs is often short, such as the start of another suite

T = TypeVar("T")


def undisturbed(kind: Kind, measure: Callable[[], T]) -> tuple[T, Seen]:
    """What ``measure`` returned and what was seen meanwhile, at the first of `ATTEMPTS` tries with unbroken conditions.

    Otherwise the last one's, whose ``broken`` also says how often it was tried.  Only the conditions decide whether a try
    counts, never the values: to try again until the figures please would be to choose them.
    """
    thrown_away: list[str] = []
    with THIS_MACHINE.alone():
        while True:
            with watch(kind) as seen:
                result = measure()
            seen.thrown_away = thrown_away
            if not seen.broken:
                return result, seen
            if len(thrown_away) + 1 == ATTEMPTS:
                seen.broken = f"{seen.broken} (tried {ATTEMPTS} times)"
                return result, seen
            thrown_away.append(seen.broken)
            time.sleep(PAUSE)
