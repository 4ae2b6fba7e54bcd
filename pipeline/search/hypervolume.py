"""Hypervolume: how much of the objectives' space a set of trials has conquered, one number for a whole front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.errors import EdgeError
from pipeline.search.front import MAXIMIZE, Point, costs_of


def hypervolume(points: Sequence[Point], reference: Mapping[str, float], directions: Mapping[str, str]) -> float:
    """The volume of all that a feasible point dominates and ``reference`` does not, in the product of the objectives' units.

    Zitzler & Thiele 1999.  A point that is not better than the reference in every objective adds nothing.  EdgeError where the
    reference lacks an objective.
    """
    if missing := set(directions) - set(reference):
        raise EdgeError(f"hypervolume: expected a reference value of {', '.join(sorted(missing))}, found none; name one")
    signs = [-1.0 if direction == MAXIMIZE else 1.0 for direction in directions.values()]
    corner = np.array([sign * reference[name] for name, sign in zip(directions, signs, strict=True)])
    return volume(costs_of([point for point in points if point.feasible], directions), corner)


def volume(costs: np.ndarray, corner: np.ndarray) -> float:
    """Of costs [points, objectives], smaller is better, up to ``corner`` [objectives]: exact, by slicing.

    Along the last objective the dominated space is a stack of slabs; each has as its base what the points that begin below it
    dominate in the other objectives (While et al. 2006).  n log n for two objectives, n^2 log n for three.
    """
    inside = costs[(costs < corner).all(1)]
    if not len(inside):
        return 0.0
    if len(corner) == 1:
        return float(corner[0] - inside.min())
    inside = inside[np.argsort(inside[:, -1], kind="stable")]
    heights = np.diff(np.append(inside[:, -1], corner[-1]))
    if len(corner) == 2:
        return float((corner[0] - np.minimum.accumulate(inside[:, 0])) @ heights)
    return sum(height * volume(inside[:at, :-1], corner[:-1]) for at, height in enumerate(heights, start=1) if height > 0)
