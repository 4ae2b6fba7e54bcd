"""A tree-structured Parzen estimator: densities of good points and of the others (Watanabe 2023, arXiv:2304.11127)."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.samplers import BaseSampler, TPESampler

from pipeline.search.objectives import Objective
from pipeline.search.samplers import constraints


def make(seed: int, objectives: Sequence[Objective], startup: int = 10) -> BaseSampler:
    """startup: points drawn at random before."""
    return TPESampler(seed=seed, n_startup_trials=startup, multivariate=True, group=True, constant_liar=True, constraints_func=constraints)
