"""Regularised evolution: a child differs in a little from the best of some of the youngest (Real et al. 2019, arXiv:1802.01548).

What is best is told by constrained domination in the place of one loss.  A parameter that the parent does not have, because another way
was taken, is drawn at random.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from pipeline.search.objectives import Objective
from pipeline.search.ranking import dominators, judged
from pipeline.search.samplers import constraints


def make(seed: int, objectives: Sequence[Objective], population: int = 20, tournament: int = 5, mutations: float = 1.5) -> BaseSampler:
    """population: how many of the youngest live.  tournament: how many are drawn, whose best is the parent.  mutations: how many of its
    parameters are drawn anew, on average."""
    if population < 1 or tournament < 1 or mutations <= 0:
        raise ValueError("expected population, tournament and mutations above 0")
    return Evolution(seed, [objective.direction for objective in objectives], population, tournament, mutations)


class Evolution(BaseSampler):
    """An Optuna sampler that knows nothing but the study's finished trials, so any number of workers share it."""

    def __init__(self, seed: int, directions: Sequence[str], population: int, tournament: int, mutations: float) -> None:
        self._dice, self._random = random.Random(seed), RandomSampler(seed=seed)
        self._directions, self._population, self._tournament, self._mutations = directions, population, tournament, mutations
        self._parents: dict[int, dict[str, Any]] = {}

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        alive = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))[-self._population:]
        if len(alive) < self._tournament:
            self._parents = {trial.number: {}}
            return
        parent = self._best(self._dice.sample(alive, self._tournament))
        rate = min(1.0, self._mutations / max(1, len(parent.params)))
        self._parents = {trial.number: {name: value for name, value in parent.params.items() if self._dice.random() >= rate}}

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(self, study: optuna.Study, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]) -> dict[str, Any]:
        return {}

    def sample_independent(self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution) -> Any:
        inherited = self._parents.get(trial.number, {})
        if param_name in inherited and param_distribution._contains(param_distribution.to_internal_repr(inherited[param_name])):
            return inherited[param_name]
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def _best(self, some: Sequence[FrozenTrial]) -> FrozenTrial:
        known = [judged(trial.values, self._directions, constraints(trial)) for trial in some]
        return min(zip(some, known, strict=True), key=lambda pair: (dominators(pair[1], known), -pair[0].number))[0]
