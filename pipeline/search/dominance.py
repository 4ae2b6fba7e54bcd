"""Whether one compressed model dominates another, where two of the three figures carry noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from pipeline.verdict import statistics as st
from pipeline.verdict.thresholds import Target

APART = 0.01
"""Share of the other's memory: processes of the very same files lay up to 0.6 % apart."""
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
    """Bytes are exact.  Memory differs where the processes of the one all lie `APART` below those of the other.

    Accuracy, paired on the same queries, at the confidence of the claim ``loss``: better where the bound of the difference shows a gain;
    worse unless the bound shows less lost than that claim's own tolerance, which is what a regression is taken to be.
    """
    bytes_: Side = "better" if one.bytes < other.bytes else "worse" if one.bytes > other.bytes else "equal"
    return Comparison(other.name, bytes_, _memory(one.peak_rss, other.peak_rss), _accuracy(one, other, loss))


def _memory(one: Sequence[float], other: Sequence[float]) -> Side:
    if max(one) < (1 - APART) * min(other):
        return "better"
    return "worse" if min(one) > (1 + APART) * max(other) else "equal"


def _accuracy(one: Served, other: Served, loss: Target) -> Side:
    lost = st.paired_difference(other.right, one.right, loss.confidence).upper
    return "better" if lost < 0 else "equal" if lost < loss.tolerated.value else "worse"
