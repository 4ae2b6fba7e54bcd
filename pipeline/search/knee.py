"""The knee of a front: the trial from which every way on costs more than it gives; and the sentence that says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, FiniteFloat, field_validator

from pipeline.errors import EdgeError
from pipeline.report import format as fmt
from pipeline.search.front import MAXIMIZE, Point, costs_of


class Axis(BaseModel):
    """An objective as front.json tells it.  name: the claim's id.  unit, target: as in thresholds.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    unit: str
    direction: Literal["minimize", "maximize"]
    target: FiniteFloat | None = None

    @field_validator("unit")
    @classmethod
    def _known(cls, unit: str) -> str:
        if unit not in fmt.SUFFIX:
            raise ValueError(f"expected a unit of {', '.join(fmt.SUFFIX)}")
        return unit

    @property
    def short(self) -> str:
        """The name without its group: compression.size -> size."""
        return self.name.rpartition(".")[2].replace("_", " ")


def directions_of(axes: Sequence[Axis]) -> dict[str, str]:
    return {axis.name: axis.direction for axis in axes}


def knee(front: Sequence[Point], axes: Sequence[Axis]) -> tuple[Point, str]:
    """The point of a front (`pareto`) farthest below the plane through the extremes, and why; EdgeError for an empty front.

    Das 1999, "On characterizing the knee of the Pareto curve": with each objective scaled to 0 at the front's best and 1 at its worst,
    the extremes of two objectives are (0, 1) and (1, 0), and the distance from the line through them is (1 - sum) / sqrt 2.  For
    three objectives the plane is that through the unit points, which is there even where two objectives have one best point.
    Of equals the first of the front.
    """
    if not front:
        raise EdgeError("knee: expected a front of at least one feasible trial, found none; search longer, or loosen a constraint")
    below = _distances(costs_of(front, directions_of(axes)))
    chosen = front[int(np.argmax(np.round(below, 12)))]
    return chosen, _sentence(chosen, front, axes, float(below.max()))


def _distances(costs: np.ndarray) -> np.ndarray:
    """[points]: how far below the plane, in the scaled objectives; an objective that is the same everywhere tells nothing."""
    spread = np.ptp(costs, axis=0)
    scaled = (costs - costs.min(0))[:, spread > 0] / spread[spread > 0]
    return (1 - scaled.sum(1)) / np.sqrt(max(scaled.shape[1], 1))


def _sentence(chosen: Point, front: Sequence[Point], axes: Sequence[Axis], distance: float) -> str:
    figures = _and([f"{one.short} {fmt.value(chosen.values[one.name], one.unit)}" for one in axes])
    if len(front) == 1:
        return f"trial {chosen.trial}: {figures}; it is the only trial on the front"
    moves = [move for one in axes if (move := _move(chosen, front, one, axes))]
    where = "below the plane through the extremes"
    place = f"of the {len(front)} on the front it lies farthest {where} ({distance:.2f}, objectives scaled to 1)"
    if distance <= 1e-9:
        place = f"of the {len(front)} on the front none lies {where}: there is no knee, and this is the first"
    return f"trial {chosen.trial}: {figures}; {place}: {'; '.join(moves)}"


def _move(chosen: Point, front: Sequence[Point], towards: Axis, axes: Sequence[Axis]) -> str:
    """What the trial that is best in one objective wins there and loses in the others; empty where the chosen is best itself."""
    best = min(front, key=lambda point: (_cost(point, towards), sum(_cost(point, one) for one in axes)))
    won = _cost(chosen, towards) - _cost(best, towards)
    if won <= 0:
        return ""
    changes = {one: _cost(best, one) - _cost(chosen, one) for one in axes if one != towards}
    lost = [f"{_amount(cost, one)} in {one.short}" for one, cost in changes.items() if cost > 0]
    return f"the best in {towards.short} (trial {best.trial}) wins {_amount(won, towards)} and loses {_and(lost) or 'nothing'}"


def _amount(difference: float, axis: Axis) -> str:
    """A difference in words; that of two shares is in points."""
    return fmt.value(abs(difference), fmt.MARGIN_UNIT.get(axis.unit, axis.unit))


def _cost(point: Point, axis: Axis) -> float:
    value = point.values[axis.name]
    return -value if axis.direction == MAXIMIZE else value


def _and(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
