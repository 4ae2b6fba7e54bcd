"""Whether the machine was fit to be measured on: other load, power, heat, swapping.

A latency taken while a neighbour computes says nothing about the model, so such a measurement is invalid, not slow.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import psutil

from pipeline.measure.machine_state import linux_throttles, read_state, worst

BUSY_CORES = 0.25  # other processes together may use this much of one core, on average over the measurement
SHORTEST = 0.2  # s; below it the kernel's clock ticks are too coarse to tell what others used
WORKING = ("user", "nice", "system", "irq", "softirq", "steal")  # of psutil.cpu_times; guest is part of user

Kind = Literal["timing", "power", "memory"]


@dataclass
class Seen:
    """``broken``: why the conditions were not met, in words with the figures, or "".  ``facts``: what was seen.

    ``thrown_away``: the same of each earlier attempt (`pipeline.measure.attempts`).
    """

    broken: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    thrown_away: list[str] = field(default_factory=list)


@contextmanager
def watch(kind: Kind) -> Iterator[Seen]:
    """Samples the machine before and after the block and fills what it yields when the block ends.

    timing and power: other processes used at most `BUSY_CORES`; at both ends mains power, no power saving, no throttling
    and no thermal pressure.  memory: nothing was written to swap.
    """
    seen = Seen()
    state = read_state()  # before the counters are: asking for it is work too
    before = _sample()
    yield seen
    after = _sample()
    seen.facts = {**_facts(before, after), **worst(state, read_state())}
    if after["throttles"] > before["throttles"]:
        seen.facts["throttled"] = f"{after['throttles'] - before['throttles']} thermal throttle events"
    rules = _swap_rules if kind == "memory" else _speed_rules
    seen.broken = "; ".join(reason for reason in rules(seen.facts) if reason)


def conditions_of(seen: Seen) -> dict[str, Any]:
    """The facts as a measurement's conditions, and how many attempts they took."""
    return {"machine": dict(seen.facts), "attempts": {"taken": len(seen.thrown_away) + 1, "thrown_away": list(seen.thrown_away)}}


def _speed_rules(facts: dict[str, Any]) -> Iterator[str]:
    cores = facts["other_cores"]
    if cores is not None and cores > BUSY_CORES:
        yield f"other processes used {cores:.2f} cores, at most {BUSY_CORES:.2f} allowed: close them and measure again"
    if facts["on_battery"]:
        yield "the machine ran on battery: plug it in"
    if facts["low_power_mode"]:
        yield "low power mode was on: switch it off"
    if facts["throttled"]:
        yield f"the processor was throttled ({facts['throttled']}): let it cool down"
    if facts["thermal_pressure"] not in (None, "nominal"):
        yield f"the machine was under thermal pressure ({facts['thermal_pressure']}): let it cool down"


def _swap_rules(facts: dict[str, Any]) -> Iterator[str]:
    if facts["swapped_out_mb"]:
        yield f"{facts['swapped_out_mb']:.1f} MB were swapped out, so the resident set is too small: free some memory"


def _sample() -> dict[str, Any]:
    times = psutil.cpu_times()
    swapped = None
    with suppress(OSError, RuntimeError):  # systems without /proc/vmstat
        swapped = psutil.swap_memory().sout
    return {
        "clock": time.monotonic(),
        "working": sum(getattr(times, name, 0.0) for name in WORKING),
        "steal": getattr(times, "steal", 0.0),
        "own": _own_seconds(),
        "swapped": swapped,
        "throttles": linux_throttles(),
    }


def _own_seconds() -> float:
    """CPU seconds of this process, its ended children and its living descendants."""
    seconds = sum(os.times()[:4])
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            used = child.cpu_times()
            seconds += used.user + used.system + used.children_user + used.children_system
    return seconds


def _facts(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    passed = {name: after[name] - before[name] for name in ("clock", "working", "steal", "own")}
    others = max(0.0, passed["working"] - passed["own"])
    swapped = None if after["swapped"] is None else max(0, after["swapped"] - before["swapped"]) / 1e6
    return {
        "seconds": passed["clock"],
        "other_cores": others / passed["clock"] if passed["clock"] >= SHORTEST else None,
        "stolen_cores": passed["steal"] / passed["clock"] if passed["clock"] >= SHORTEST else None,
        "load_average": os.getloadavg()[0],
        "swapped_out_mb": swapped,
    }
