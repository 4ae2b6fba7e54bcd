"""A study in memory and points drawn from it, for tests of what is drawn."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import optuna

from pipeline.search.domain import choose
from pipeline.search.objectives import Objective
from pipeline.search.samplers import CONSTRAINTS
from pipeline.verdict.thresholds import Thresholds, read_thresholds

optuna.logging.set_verbosity(optuna.logging.ERROR)


@cache
def thresholds() -> Thresholds:
    return read_thresholds(Path(__file__).parents[2] / "thresholds.yaml")


def objectives(*names: str) -> list[Objective]:
    return [Objective(thresholds().claim(name)) for name in names or ("compression.accuracy_loss", "compression.size")]


def study(seed: int = 1, sampler: optuna.samplers.BaseSampler | None = None, wanted: int = 2) -> optuna.Study:
    return optuna.create_study(sampler=sampler or optuna.samplers.RandomSampler(seed=seed), directions=["minimize"] * wanted)


def whole(trial: optuna.Trial) -> tuple[float, float]:
    """`conditional`, with its parameter drawn on every way."""
    trial.suggest_int("b.x", 0, 10)
    return conditional(trial)


def conditional(trial: optuna.Trial) -> tuple[float, float]:
    """A toy with a parameter that only one way has: the front is way b with x from 7 to 10; below 7 all looks better and is not allowed."""
    way = choose(trial, "way", ["a", "b", "c"])
    x = choose(trial, "b.x", 0) if way != "b" else trial.suggest_int("b.x", 0, 10)
    y = trial.suggest_float("y", 0.0, 1.0)
    trial.set_user_attr(CONSTRAINTS, [7.0 - x])
    return ((x + y, 10 - x + y) if x >= 7 else (y, y)) if way == "b" else (15.0, 15.0)
