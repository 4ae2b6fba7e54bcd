"""NSGA-II: generations by non-dominated rank and crowding distance (Deb et al. 2002, IEEE Trans. Evol. Comput. 6:182)."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.samplers import BaseSampler, NSGAIISampler

from pipeline.search.objectives import Objective
from pipeline.search.samplers import constraints

WHOLE = True
"""Optuna crosses the parameters that all trials have, and draws the others at random."""


def make(seed: int, objectives: Sequence[Objective], population: int = 12) -> BaseSampler:
    """population: points of a generation; smaller than Optuna's 50, for a search of minutes has few trials."""
    return NSGAIISampler(seed=seed, population_size=population, constraints_func=constraints)
