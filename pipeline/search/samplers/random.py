"""Points drawn at random, which learn nothing: what every other sampler is held against."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.samplers import BaseSampler, RandomSampler

from pipeline.search.objectives import Objective


def make(seed: int, objectives: Sequence[Objective]) -> BaseSampler:
    return RandomSampler(seed=seed)
