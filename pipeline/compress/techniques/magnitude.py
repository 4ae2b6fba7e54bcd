"""Unstructured pruning by magnitude: the smallest weights become zero, no size changes.

Han et al. 2015, Learning both Weights and Connections for Efficient Neural Networks; 2:4 as of Mishra et al. 2021.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn.utils import prune

from pipeline.compress import Source
from pipeline.compress.masks import check_pattern, check_sparsity, keep_two_of_four, sparsities
from pipeline.compress.model import matrices, open_model, write_model
from pipeline.compress.plan import Plan
from pipeline.compress.settings.magnitude import FAMILY as FAMILY
from pipeline.compress.settings.magnitude import STAGE as STAGE
from pipeline.compress.settings.magnitude import Settings

NEEDS, LIBRARIES = (), ("torch", "transformers")


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Prune the decoder layers' matrices; reports the share of zeros of each (``sparsity_by_matrix``)."""
    model = open_model(source.model)
    pruned = matrices(model)
    check_pattern(pruned, settings.pattern)
    for name, linear in pruned.items():
        check_sparsity(name, linear.weight.numel(), settings.sparsity)
    if settings.pattern:
        for linear in pruned.values():
            prune.custom_from_mask(linear, "weight", keep_two_of_four(linear.weight.detach().abs()))
            prune.remove(linear, "weight")
    else:
        zero_smallest(pruned.values(), settings.sparsity, settings.scope)
    write_model(model, source.model, out)
    return {"sparsity_by_matrix": sparsities(pruned)}


def predict(plan: Plan, settings: Settings) -> Plan:
    return plan.after(5 + plan.matrices * 2e-7)


def zero_smallest(linears: Iterable[nn.Linear], sparsity: float, scope: str) -> None:
    """Zero the round(sparsity * n) smallest of the n weights of all together (global) or of each; what is zero counts among them.

    Of equals the first.  torch.nn.utils.prune needs 16 GB for the 440 million weights of Qwen3-0.6B's layers at once; this, 4 bytes each.
    """
    linears = list(linears)
    for group in [linears] if scope == "global" else [[linear] for linear in linears]:
        weights = [linear.weight.detach() for linear in group]
        amount = round(sparsity * sum(weight.numel() for weight in weights))
        if amount:
            _zero(weights, *_last(weights, amount))


def _last(weights: Sequence[Tensor], amount: int) -> tuple[float, int]:
    """The largest magnitude of the ``amount`` smallest, and how many of exactly that magnitude are among them."""
    magnitudes, start = np.empty(sum(weight.numel() for weight in weights), np.float32), 0
    for weight in weights:
        magnitudes[start:start + weight.numel()] = weight.abs().flatten().float().numpy()
        start += weight.numel()
    magnitudes.partition(amount - 1)
    last = magnitudes[amount - 1]
    return float(last), amount - int(np.count_nonzero(magnitudes < last))


def _zero(weights: Sequence[Tensor], last: float, equals: int) -> None:
    for weight in weights:
        magnitude = weight.abs()
        ties = (magnitude == last).nonzero()[:equals]
        weight[magnitude < last] = 0
        weight[tuple(ties.T)] = 0
        equals -= len(ties)
