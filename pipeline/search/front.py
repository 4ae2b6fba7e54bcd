"""The Pareto front of a search: what no other trial beats in every objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, FiniteFloat

from pipeline.errors import EdgeError

MINIMIZE, MAXIMIZE = "minimize", "maximize"


class Point(BaseModel):
    """A trial that came to an end.

    trial: its number in the study.  recipe: the YAML that was built.  values: by objective, in the objective's unit.  feasible: every
    constraint is met.  key: of the artifact that serves.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    trial: int
    recipe: str
    values: dict[str, FiniteFloat]
    feasible: bool = True
    key: str = ""


def pareto(points: Sequence[Point], directions: Mapping[str, str]) -> list[Point]:
    """The feasible points that no feasible point dominates, by their first objective, best first.

    Equal points do not dominate one another and all stay, but for one artifact met twice, of which the first trial stays.
    """
    feasible = [point for point in points if point.feasible]
    costs = costs_of(feasible, directions)
    front = [at for at in range(len(feasible)) if not _beaten(costs[at], costs)]
    seen: set[str] = set()
    found = []
    for at in sorted(front, key=lambda at: (*costs[at], feasible[at].trial)):
        point = feasible[at]
        if not point.key or point.key not in seen:
            found.append(point)
        seen.add(point.key)
    return found


def costs_of(points: Sequence[Point], directions: Mapping[str, str]) -> np.ndarray:
    """[points, objectives], in the order of ``directions``, smaller is better; EdgeError for a value or direction that is missing."""
    for name, direction in directions.items():
        if direction not in (MINIMIZE, MAXIMIZE):
            raise EdgeError(f"{name}: expected the direction {MINIMIZE} or {MAXIMIZE}, found {direction!r}; mend the objective")
    for point in points:
        if missing := set(directions) - set(point.values):
            raise EdgeError(f"trial {point.trial}: expected a value of {', '.join(sorted(missing))}, found none; measure the trial again")
    signs = [-1.0 if direction == MAXIMIZE else 1.0 for direction in directions.values()]
    return np.array([[sign * point.values[name] for name, sign in zip(directions, signs, strict=True)] for point in points],
                    dtype=float).reshape(len(points), len(directions))


def _beaten(cost: np.ndarray, others: np.ndarray) -> bool:
    return bool(((others <= cost).all(1) & (others < cost).any(1)).any())
