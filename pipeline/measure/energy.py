"""How much energy this machine used, part by part, as one of its counters tells; a figure that cannot be true is none."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

SHORTEST = 0.1  # s; the counters step by 1 mJ, which in a shorter window is more than 10 mW
BESIDE = ("dram",)
MOST = 1e7  # mW; no machine this runs on draws 10 kW


class NoCounter(Exception):
    """This machine has no energy counter that can be read or believed; the message says why and what would help."""


@dataclass(frozen=True)
class Reading:
    """Energy of one window: millijoules by part of the machine (cpu, gpu, ane, dram, package), over ``seconds``.

    NoCounter, naming ``source``, for a part that is no number, negative or beyond what a machine can draw.
    """

    source: str
    millijoules: Mapping[str, float]
    seconds: float

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf:  # also false of NaN
            raise NoCounter(f"{self.source}: expected a window of some time, found {self.seconds} s; measure again")
        wrong = [f"{part} {value!r:.40}" for part, value in self.millijoules.items() if not self._can_be_true(value)]
        if wrong or not self.millijoules:
            raise NoCounter(f"{self.source}: expected millijoules of each part in {self.seconds:.2f} s, found "
                            f"{', '.join(wrong) or 'none'}; measure on a machine with working energy counters")

    def _can_be_true(self, value: Any) -> bool:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MOST * self.seconds  # false of NaN

    @property
    def total(self) -> float:
        """mJ of all parts but those that only some counters tell: else the sum depended on which of them is installed."""
        return math.fsum(value for part, value in self.millijoules.items() if part not in BESIDE)

    @property
    def milliwatts(self) -> dict[str, float]:
        """Mean power of each part over the window."""
        return {part: value / self.seconds for part, value in self.millijoules.items()}


class Counter(Protocol):
    """Energy of one window after another; ``source`` names where the figures come from."""

    source: str

    def begin(self) -> None:
        """The window begins when this returns."""
        ...

    def end(self) -> Reading: ...


def open_counter() -> Counter:
    """The energy counter of this machine; NoCounter when there is none that can be read.

    On a Mac zeus-apple-silicon, which any user may read; where that is missing or finds nothing, powermetrics, which root alone
    may run: it is tried only where sudo asks for no password.
    """
    from pipeline.measure.energy_powermetrics import PowermetricsCounter
    from pipeline.measure.energy_rapl import ROOT, RaplCounter
    from pipeline.measure.energy_zeus import ZeusCounter
    from pipeline.measure.host import describe_host

    if sys.platform != "darwin":
        return RaplCounter(ROOT)
    if describe_host()["virtual"]:  # the group of counters that zeus asks for may not be there, and it does not look
        raise NoCounter("a virtual Mac has no energy counters; measure on the Mac itself")
    try:
        return ZeusCounter()
    except NoCounter as zeus:
        try:
            return PowermetricsCounter()
        except NoCounter as powermetrics:
            raise NoCounter(f"{zeus}; and {powermetrics}") from None
