"""Wanda: a weight counts by its magnitude times the norm of its input (Sun et al. 2023, A Simple and Effective Pruning Approach).

By hand, because it is one product: llm-compressor's WandaPruningModifier would be a large dependency for it, with a log of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.compress import DATA, Source
from pipeline.compress.calibration import asked
from pipeline.compress.masks import check_pattern, check_sparsity, keep_highest, keep_two_of_four, sparsities
from pipeline.compress.model import decoder_layers, matrices, open_model, write_model
from pipeline.compress.plan import Plan
from pipeline.compress.settings.wanda import FAMILY as FAMILY
from pipeline.compress.settings.wanda import STAGE as STAGE
from pipeline.compress.settings.wanda import Settings
from pipeline.progress import track

NEEDS, LIBRARIES = (DATA,), ("torch", "transformers")


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Prune layer after layer, each by what the pruned ones before it give; reports the zeros of each matrix.

    Computed in float32, 4 bytes a weight; what stays keeps its value.
    """
    prompts = [prompt.ids for prompt in asked(source, settings.samples, settings.seed)]
    model = open_model(source.model)
    stored, pruned = model.dtype, matrices(model)
    check_pattern(pruned, settings.pattern)
    for name, linear in pruned.items():
        check_sparsity(name, linear.in_features, settings.sparsity)
    model.float()
    with torch.inference_mode(), track("wanda", len(decoder_layers(model))) as progress:
        calls = [_first_call(model, ids) for ids in prompts]
        for layer in decoder_layers(model):
            for linear, squares in _squared_norms(layer, calls).items():
                linear.weight *= mask(linear.weight.abs() * squares.sqrt(), settings)
            calls = [(layer(x, **rest), rest) for x, rest in calls]
            progress.advance()
    write_model(model.to(stored), source.model, out)
    return {"sparsity_by_matrix": sparsities(pruned)}


def predict(plan: Plan, settings: Settings) -> Plan:
    return plan.after(10 + plan.matrices * settings.samples * 1e-8)


def mask(scores: Tensor, settings: Settings) -> Tensor:
    """Which weights stay, of their scores [out, in]."""
    return keep_two_of_four(scores) if settings.pattern else keep_highest(scores, settings.sparsity)


def _squared_norms(layer: nn.Module, calls: list[tuple[Tensor, dict[str, Any]]]) -> dict[nn.Linear, Tensor]:
    """Sum over all positions of x^2 [in], of the inputs of every linear layer inside."""
    sums = {module: torch.zeros(module.in_features) for module in layer.modules() if isinstance(module, nn.Linear)}

    def add(linear: nn.Linear, inputs: tuple[Tensor]) -> None:
        sums[linear] += inputs[0].square().sum((0, 1))

    hooks = [linear.register_forward_pre_hook(add) for linear in sums]
    for x, rest in calls:
        layer(x, **rest)
    for hook in hooks:
        hook.remove()
    return sums


class _Called(Exception):
    """Ends a forward pass where its layers begin."""


def _first_call(model: Any, ids: list[int]) -> tuple[Tensor, dict[str, Any]]:
    """What the first decoder layer is called with for one prompt."""
    caught: list[tuple[Tensor, dict[str, Any]]] = []

    def catch(_: nn.Module, inputs: tuple[Tensor], rest: dict[str, Any]) -> None:
        caught.append((inputs[0], rest))
        raise _Called

    hook = decoder_layers(model)[0].register_forward_pre_hook(catch, with_kwargs=True)
    try:
        model(input_ids=torch.tensor([ids]), use_cache=False)
    except _Called:
        pass
    finally:
        hook.remove()
    return caught[0]
