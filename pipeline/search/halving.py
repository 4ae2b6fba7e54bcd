"""Successive halving: each point is judged cheaply first, and only the better part at full cost.

After Jamieson and Talwalkar (2016, arXiv:1502.07943), without waiting for a rung to fill (Li et al. 2020, arXiv:1810.05934), and with
non-dominated rank in the place of one loss; Optuna's own pruners take a single objective.  A point that goes no further keeps the values
of its rung, at which its sampler learns from it; a front is made of points of the last rung alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.compress import settings_of
from pipeline.compress.recipe import RecipeFile
from pipeline.errors import EdgeError
from pipeline.search.ranking import Judged, dominators

FEWEST_QUERIES, LEAST_EPOCHS = 100, 0.5


@dataclass(frozen=True)
class Rungs:
    """``count`` rungs, each with ``reduction`` times the tuning queries and healing of the one below it, up to all.

    Of healing both the epochs and the texts are fewer: the student reads every text in every epoch, and the teacher once.
    """

    count: int
    reduction: int
    queries: int

    def __post_init__(self) -> None:
        for name, value, least in (("--rungs", self.count, 1), ("--reduction", self.reduction, 2), ("--queries", self.queries, 1)):
            if value < least:
                raise EdgeError(f"{name}: expected at least {least}, found {value}")

    @property
    def last(self) -> int:
        return self.count - 1

    def share(self, rung: int) -> float:
        """Of the full cost."""
        return self.reduction ** (rung - self.last)

    def queries_at(self, rung: int) -> int:
        """How many tuning queries judge a point of this rung."""
        return min(self.queries, max(FEWEST_QUERIES, round(self.queries * self.share(rung))))

    def recipe_at(self, rung: int, recipe: RecipeFile) -> RecipeFile:
        """The recipe with this rung's part of the epochs in the steps that heal."""
        return recipe if rung == self.last else recipe.model_copy(update={"steps": [
            {name: self._less(name, settings or {}, rung) for name, settings in step.items()} for step in recipe.steps]})

    def _less(self, name: str, settings: dict[str, Any], rung: int) -> dict[str, Any]:
        if not heals(name):
            return settings
        full, share = settings_of(name).Settings(**settings), self.share(rung)
        return {**settings, "epochs": min(full.epochs, max(LEAST_EPOCHS, round(full.epochs * share, 4))),
                "transfer": round(full.transfer * share)}


def heals(name: str) -> bool:
    """Whether a technique trains for epochs, which is what a lower rung saves; ``progressive`` goes by steps of its own."""
    return "epochs" in settings_of(name).Settings.model_fields


def goes_on(one: Judged, seen: Sequence[Judged], reduction: int) -> bool:
    """Whether a point is among the best 1 / reduction of its rung, itself counted in; of equals all are.

    What nothing dominates always is: a front needs its ends.
    """
    everyone = [*seen, one]
    rank = dominators(one, everyone)
    better = sum(dominators(other, everyone) < rank for other in seen)
    return rank == 0 or better < len(everyone) / reduction
