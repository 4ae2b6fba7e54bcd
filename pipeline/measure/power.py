"""Electrical power that deciding adds to the idle machine, where the machine tells."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from pipeline.measure.attempts import undisturbed
from pipeline.measure.child import TIMEOUT, Child, ran_as, serving
from pipeline.measure.conditions import conditions_of
from pipeline.measure.latency import order
from pipeline.measure.machine_lock import THIS_MACHINE
from pipeline.measure.measurement import NotMeasured, Sample
from pipeline.measure.subject import Subject

WINDOWS, SECONDS, WARMUP, BATCH = 5, 1.0, 100, 10
RAPL = Path("/sys/class/powercap")


class NoCounter(Exception):
    """This machine has no readable energy counter; the message says why and what would help."""


class Counter(Protocol):
    """Energy since `begin`; ``source`` names where the figures come from."""

    source: str

    def begin(self) -> None: ...

    def end(self) -> float:
        """Millijoules since `begin`."""
        ...


def power(
    subject: Subject, queries: Sequence[str], *, windows: int = WINDOWS, seconds: float = SECONDS,
    timeout: float = TIMEOUT,
) -> Sample | NotMeasured:
    """Milliwatts of ``windows`` busy windows of about ``seconds`` each, less the median of as many idle windows.

    Busy is back-to-back decisions in the serving process; idle is the same process waiting.  details: ``busy`` and
    ``idle`` mW, ``millijoules_per_decision``, ``counter``.  Without a counter, or when it does not move: not measured.
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
        conditions={**ran_as(opened), "counter": counter.source, "window_s": seconds, **conditions_of(seen)},
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
        milliwatts, millijoules, decided = _window(counter, lambda: _decide_for(seconds, child, plan))
        busy.append(milliwatts)
        each.append(millijoules / decided)
    if statistics.median(busy) <= 0 or statistics.median(busy) <= statistics.median(idle):
        raise NoCounter(f"{counter.source} read {statistics.median(busy):.0f} mW while deciding and "
                        f"{statistics.median(idle):.0f} mW while idle, so it does not see this work; "
                        "measure on a machine with working energy counters")
    return {"idle": idle, "busy": busy, "millijoules_per_decision": each, "counter": counter.source}


def _decide_for(seconds: float, child: Child, plan: list[str]) -> int:
    """Decides in batches until the time is over; how many decisions that were."""
    decided, stop = 0, time.monotonic() + seconds
    while time.monotonic() < stop:
        decided += len(child.ask("time", queries=plan[:BATCH])["milliseconds"])
    return decided


def _window(counter: Counter, work: Callable[[], Any]) -> tuple[float, float, Any]:
    """(mW, mJ, what the work returned) of one window."""
    start = time.perf_counter()
    counter.begin()
    result = work()
    millijoules = counter.end()
    return millijoules / (time.perf_counter() - start), millijoules, result


def open_counter() -> Counter:
    """The energy counter of this machine; NoCounter when there is none that can be read."""
    return AppleCounter() if sys.platform == "darwin" else RaplCounter(RAPL)


class AppleCounter:
    """CPU, GPU, neural engine and DRAM of Apple silicon, as IOReport estimates them (package zeus-apple-silicon)."""

    source = "IOReport through zeus-apple-silicon"
    parts = ("cpu_total_mj", "gpu_mj", "ane_mj", "dram_mj")

    def __init__(self) -> None:
        try:
            from zeus_apple_silicon import AppleEnergyMonitor
        except ImportError:
            raise NoCounter("the package zeus-apple-silicon is not installed: pip install zeus-apple-silicon") from None
        try:
            self._monitor = AppleEnergyMonitor()
        except Exception as error:  # its errors are bare RuntimeErrors
            raise NoCounter(f"zeus-apple-silicon finds no energy counters on this machine ({error}); "
                            "measure on a real Apple silicon Mac") from error

    def begin(self) -> None:
        self._monitor.begin_window("power")

    def end(self) -> float:
        metrics = self._monitor.end_window("power")
        told = [value for part in self.parts if (value := getattr(metrics, part, None)) is not None]
        if not told:
            raise NoCounter("zeus-apple-silicon told no energy of any part; measure on a real Apple silicon Mac")
        return float(sum(told))


class RaplCounter:
    """The processor packages' energy as Linux's powercap interface tells it; DRAM and the rest are not in it."""

    source = "RAPL package domains"

    def __init__(self, root: Path) -> None:
        names = {file.parent: file.read_text().strip() for file in root.glob("intel-rapl:*/name")}
        self._packages = sorted(domain for domain, name in names.items() if name.startswith("package"))
        if not self._packages:
            raise NoCounter(f"this machine shows no energy counter (no RAPL package under {root}, as in most virtual "
                            "machines); measure on a Mac with Apple silicon or on bare-metal Linux")
        try:
            self._range = {package: int((package / "max_energy_range_uj").read_text()) for package in self._packages}
            self._read()
        except (OSError, ValueError) as error:
            raise NoCounter(f"the energy counter cannot be read ({error}); give this user read access to "
                            f"{self._packages[0]}/energy_uj") from error
        self._before: dict[Path, int] = {}

    def begin(self) -> None:
        self._before = self._read()

    def end(self) -> float:
        used = 0
        for package, now in self._read().items():
            passed = now - self._before[package]
            used += passed if passed >= 0 else passed + self._range[package]
        return used / 1000

    def _read(self) -> dict[Path, int]:
        return {package: int((package / "energy_uj").read_text()) for package in self._packages}

