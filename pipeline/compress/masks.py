"""Which weights stay: what the unstructured pruning techniques share."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pipeline.errors import EdgeError


def keep_highest(scores: Tensor, sparsity: float) -> Tensor:
    """Mask of scores [..., n], True for all but the round(sparsity * n) lowest of the last dimension; of equals any, always the same."""
    lowest = scores.topk(round(sparsity * scores.shape[-1]), dim=-1, largest=False).indices
    return torch.ones_like(scores, dtype=torch.bool).scatter_(-1, lowest, False)


def keep_two_of_four(scores: Tensor) -> Tensor:
    """Mask of scores [out, in], True for the two highest of every four inputs."""
    return keep_highest(scores.unflatten(-1, (-1, 4)), 0.5).flatten(-2)


def check_pattern(matrices: Mapping[str, nn.Linear], pattern: str) -> None:
    """EdgeError for a matrix whose inputs are no groups of four."""
    for name, linear in matrices.items():
        if pattern and linear.in_features % 4:
            raise EdgeError(f"{name}: expected inputs in groups of 4 for {pattern}, found {linear.in_features}; prune without a pattern")


def check_sparsity(name: str, weights: int, sparsity: float) -> None:
    """EdgeError when none of so many weights, compared with each other, becomes zero."""
    if not round(sparsity * weights):
        raise EdgeError(f"{name}: expected a sparsity that prunes some of {weights} weights, found {sparsity}; raise it")


def sparsities(matrices: Mapping[str, nn.Linear]) -> dict[str, float]:
    """The share of zeros of each matrix."""
    return {name: round(float((linear.weight == 0).float().mean()), 6) for name, linear in matrices.items()}
