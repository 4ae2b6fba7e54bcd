"""Which of two judged points is better: by what they miss first, then in every objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Judged(NamedTuple):
    """values: one an objective, the smaller the better.  missed: by how much its claims are missed together, 0 for none."""

    values: tuple[float, ...]
    missed: float


def judged(values: Sequence[float], directions: Sequence[str], violations: Sequence[float]) -> Judged:
    """Of values in their own directions and violations above 0 where a claim is missed."""
    signs = [-1.0 if direction == "maximize" else 1.0 for direction in directions]
    return Judged(tuple(sign * value for sign, value in zip(signs, values, strict=True)), sum(max(0.0, one) for one in violations))


def dominates(one: Judged, other: Judged) -> bool:
    """Constrained domination (Deb et al. 2002): what misses less, or among those that miss nothing, is nowhere worse and somewhere
    better."""
    if one.missed or other.missed:
        return one.missed < other.missed
    return one.values != other.values and all(mine <= its for mine, its in zip(one.values, other.values, strict=True))


def dominators(of: Judged, among: Sequence[Judged]) -> int:
    """How many dominate it: 0 on the front, the rank of Fonseca and Fleming (1993, ICGA 5:416) less 1."""
    return sum(dominates(other, of) for other in among)
