"""A learned controller: a policy over each parameter's choices, taught by REINFORCE with every trial that ends."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from pipeline.search.samplers import constraints
from pipeline.search.work import REFUSED, SAME_AS

if TYPE_CHECKING:
    from optuna import Study

    from pipeline.search.objectives import Objective

BINS = 8
"""A numeric parameter with more values is chosen by equal parts of its range, and within one at random."""
RECENT = 64
"""Trials that the baseline is the mean of."""
ENDED = (TrialState.COMPLETE, TrialState.FAIL)


def make(seed: int, objectives: Sequence[Objective] = (), *, rate: float = 1.0, mixture: float = 0.1) -> Controller:
    return Controller(seed, rate, mixture)


class Controller(BaseSampler):
    """A softmax over the choices of every parameter, moved along the gradient of the expected reward (Williams 1992), as the controller
    of Zoph & Le 2017 is, but with a table in the place of their recurrent network: the choices are drawn independently, and a conditional
    parameter is one more row that learns where it was drawn.

    With several objectives each trial is drawn for a preference of its own, weights at random (uniform on the simplex, by the trial's
    number), and the logits are linear in them, so that one policy covers the whole front.  The reward is minus the largest weighted rank of
    the trial's values among all that ended before (Chebyshev's scalarisation; ranks need no scale), -1 where a constraint is broken, the
    point was refused or another trial had drawn it; the baseline is what the last RECENT trials would have got for the same weights.
    Trials that failed on the way teach nothing.

    Nothing is kept but the study itself: a worker that joins learns what all have found, in the order of their numbers.
    rate: of a step.  mixture: the share of choices that stay uniform.
    """

    def __init__(self, seed: int, rate: float, mixture: float) -> None:
        self._seed, self._rate, self._mixture = seed, rate, mixture
        self._logits: dict[str, np.ndarray] = {}
        self._costs: list[np.ndarray] = []
        self._learnt: set[int] = set()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        return {}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Learn from what has ended since, whoever ran it."""
        for ended in study.get_trials(deepcopy=False, states=ENDED):
            if ended.number not in self._learnt:
                self._learnt.add(ended.number)
                if ended.state == TrialState.COMPLETE or REFUSED in ended.user_attrs:
                    self._learn(ended, study.directions)

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution) -> Any:
        weights = preference(trial.number, len(study.directions))
        _, shares = self._policy(param_name, count_of(param_distribution), weights)
        rng = np.random.default_rng([self._seed, trial.number, zlib.crc32(param_name.encode())])
        return value_of(int(rng.choice(len(shares), p=shares)), param_distribution, rng.random())

    def _policy(self, name: str, count: int, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[count] of the softmax, and the same with its uniform part."""
        if (table := self._logits.get(name)) is None or len(table) != count:
            table = self._logits[name] = np.zeros((count, len(weights)))
        logits = table @ weights
        softmax = np.exp(logits - logits.max())
        softmax /= softmax.sum()
        return softmax, (1 - self._mixture) * softmax + self._mixture / count

    def _learn(self, trial: FrozenTrial, directions: Sequence[StudyDirection]) -> None:
        costs = _costs(trial, directions)
        weights = preference(trial.number, len(directions))
        self._costs.append(costs)
        rewards = rewards_of(np.array(self._costs), weights)
        advantage = rewards[-1] - rewards[-1 - RECENT:-1].mean() if len(rewards) > 1 else 0.0
        for name, distribution in trial.distributions.items():
            chosen = choice_of(trial.params[name], distribution)
            softmax, shares = self._policy(name, count_of(distribution), weights)
            towards = np.eye(len(softmax))[chosen] - softmax
            slope = (1 - self._mixture) * softmax[chosen] / shares[chosen]
            self._logits[name] += self._rate * advantage * slope * np.outer(towards, weights)


def preference(number: int, objectives: int) -> np.ndarray:
    """A trial's weights, the same for every worker: uniform on the simplex."""
    return np.random.default_rng([20170405, number]).dirichlet(np.ones(objectives))


def rewards_of(costs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[trials, objectives], smaller is better -> [trials] from -1 to 0: minus the largest weighted rank; -1 for a cost that is infinite."""
    better = (costs[None] < costs[:, None]).mean(1) + ((costs[None] == costs[:, None]).mean(1) - 1 / len(costs)) / 2
    return np.where(np.isfinite(costs).all(1), -(better * weights / weights.max()).max(1), -1.0)


def count_of(distribution: BaseDistribution) -> int:
    """How many choices a parameter has."""
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    if distribution.log or not distribution.step:
        return BINS
    return min(BINS, round((distribution.high - distribution.low) / distribution.step) + 1)


def choice_of(value: Any, distribution: BaseDistribution) -> int:
    """Which choice a value belongs to."""
    if isinstance(distribution, CategoricalDistribution):
        return int(distribution.to_internal_repr(value))
    low, high = _ends(distribution)
    at = (_scale(value, distribution) - low) / (high - low) if high > low else 0.0
    count = count_of(distribution)
    return min(count - 1, int(at * count + 1e-9))


def value_of(choice: int, distribution: BaseDistribution, at: float) -> Any:
    """A value of a choice, ``at`` (0 to 1) within it; where each choice is one value, that."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.to_external_repr(choice)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    low, high = _ends(distribution)
    scaled = low + (high - low) * (choice + at) / count_of(distribution)
    value = math.exp(scaled) if distribution.log else scaled
    if distribution.step:
        steps = (value - distribution.low) / distribution.step
        single = round((distribution.high - distribution.low) / distribution.step) + 1 == count_of(distribution)
        value = distribution.low + distribution.step * (choice if single and not distribution.log else round(steps))
    value = min(max(value, distribution.low), distribution.high)
    return round(value) if isinstance(distribution, IntDistribution) else value


def _ends(distribution: BaseDistribution) -> tuple[float, float]:
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    return _scale(distribution.low, distribution), _scale(distribution.high, distribution)


def _scale(value: float, distribution: BaseDistribution) -> float:
    return math.log(value) if getattr(distribution, "log", False) else value


def _costs(trial: FrozenTrial, directions: Sequence[StudyDirection]) -> np.ndarray:
    """[objectives], smaller is better; infinite where the point is of no use."""
    if {REFUSED, SAME_AS} & trial.user_attrs.keys() or any(missed > 0 for missed in constraints(trial)):
        return np.full(len(directions), np.inf)
    signs = [-1.0 if direction == StudyDirection.MAXIMIZE else 1.0 for direction in directions]
    return np.array([sign * value for sign, value in zip(signs, trial.values, strict=True)])
