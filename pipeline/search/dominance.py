"""Whether one compressed model dominates another, where two of the three figures carry noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from pipeline.verdict import statistics as st
from pipeline.verdict.thresholds import Target

Side = Literal["better", "equal", "worse"]


class Served(NamedTuple):
    """bytes of the files that serve; peak_rss: MB, one a process; right: 1 where a challenge query was decided rightly, in one order."""

    name: str
    bytes: int
    peak_rss: Sequence[float]
    right: Sequence[int]


class Comparison(NamedTuple):
    """How the one stands beside ``other`` in each figure."""

    other: str
    bytes: Side
    memory: Side
    loss: Side

    @property
    def dominates(self) -> bool:
        """Nowhere worse and somewhere better."""
        return "worse" not in self[1:] and "better" in self[1:]


def compare(one: Served, other: Served, loss: Target) -> Comparison:
    """Bytes are exact.  Memory differs where the processes of the one all lie below those of the other.

    Accuracy, paired on the same queries, at the confidence of the claim ``loss``: better where the bound of the difference shows a gain;
    worse unless the bound shows less lost than that claim's own tolerance, which is what a regression is taken to be.
    """
    return Comparison(other.name, _by(one.bytes, one.bytes, other.bytes, other.bytes),
                      _by(min(one.peak_rss), max(one.peak_rss), min(other.peak_rss), max(other.peak_rss)), _accuracy(one, other, loss))


def _by(low: float, high: float, other_low: float, other_high: float) -> Side:
    return "better" if high < other_low else "worse" if low > other_high else "equal"


def _accuracy(one: Served, other: Served, loss: Target) -> Side:
    lost = st.paired_difference(other.right, one.right, loss.confidence).upper
    return "better" if lost < 0 else "equal" if lost < loss.tolerated.value else "worse"
