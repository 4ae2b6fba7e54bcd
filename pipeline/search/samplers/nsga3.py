"""NSGA-III: generations by non-dominated rank and reference directions (Deb and Jain 2014, IEEE Trans. Evol. Comput. 18:577)."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.samplers import BaseSampler, NSGAIIISampler

from pipeline.search.objectives import Objective
from pipeline.search.samplers import constraints

WHOLE = True
"""Optuna crosses the parameters that all trials have, and draws the others at random."""


def make(seed: int, objectives: Sequence[Objective], population: int = 12) -> BaseSampler:
    """population: points of a generation."""
    return NSGAIIISampler(seed=seed, population_size=population, constraints_func=constraints)
