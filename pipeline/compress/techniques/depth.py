"""Fewer layers: whole ones dropped, those that change least."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.compress import DATA, Source
from pipeline.compress.calibration import answers, asked
from pipeline.compress.importance import Batch, Walk, at_most, batches, fewer
from pipeline.compress.model import decoder_layers, open_model, write_model
from pipeline.compress.plan import Plan
from pipeline.compress.settings.depth import FAMILY as FAMILY
from pipeline.compress.settings.depth import STAGE as STAGE
from pipeline.compress.settings.depth import Settings
from pipeline.errors import EdgeError

NEEDS, LIBRARIES = (DATA,), ("torch", "transformers")
ROUNDS = 3  # of exchanges, roughly


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Write the model without its least important layers.  EdgeError when none would go.

    Report: kept, dropped in the order of going, the importance of each layer (by number: of a kept one when the last went; none after
    an exchange, or where ``kept`` was given), and renamed, for the error by matrix.
    """
    importance, kept, dropped = choose_layers(source, settings)
    model = open_model(source.model)
    keep(model, kept)
    write_model(model, source.model, out)
    return {"kept": kept, "dropped": dropped, "importance": {str(layer): float(f"{importance[layer]:.6g}") for layer in sorted(importance)},
            "renamed": {f"model.layers.{new}.": f"model.layers.{old}." for new, old in enumerate(kept)}}


def predict(plan: Plan, settings: Settings) -> Plan:
    count = _count(plan.layers, settings)
    passes = 0 if settings.kept else 1 if settings.method == "block_influence" else (plan.layers - count) * plan.layers / 2
    if settings.method == "exchange":
        passes += count * (plan.layers - count) * count / plan.layers * ROUNDS
    return plan.after(plan.matrices * settings.samples * passes * 6e-10, layers=count)


def _count(layers: int, settings: Settings) -> int:
    if settings.kept is None:
        return fewer(settings.layers or at_most(settings.keep, layers), layers, "layers")
    if len(set(settings.kept)) < len(settings.kept) or not set(settings.kept) <= set(range(layers)):
        raise EdgeError(f"kept: expected layers of 0 to {layers - 1}, each once, found {list(settings.kept)}; mend the recipe")
    return fewer(len(settings.kept), layers, "layers")


def keep(model: Any, kept: list[int]) -> None:
    """Leave these layers, for writing alone: their layer_idx, which a cache goes by, is given anew when the model is loaded."""
    layers, config = decoder_layers(model), model.config
    model.model.layers = nn.ModuleList(layers[old] for old in kept)
    config.layer_types = [config.layer_types[old] for old in kept]
    config.num_hidden_layers = len(kept)


def choose_layers(source: Source, settings: Settings) -> tuple[dict[int, float], list[int], list[int]]:
    """Layer -> importance where it was asked for, those that stay, and those that go; EdgeError when none would."""
    model = open_model(source.model, torch.float32)
    layers = len(decoder_layers(model))
    going = layers - _count(layers, settings)
    if settings.kept:
        importance, dropped = {}, [layer for layer in range(layers) if layer not in settings.kept]
    else:
        importance, dropped = _least(model, batches(asked(source, settings.samples, settings.seed)), answers(source), going, settings)
    return importance, sorted(set(range(layers)) - set(dropped)), dropped


def _least(model: Any, prompts: list[Batch], labels: list[int], going: int, settings: Settings) -> tuple[dict[int, float], list[int]]:
    """Layer -> importance, and those that go."""
    with torch.inference_mode():
        if settings.method == "block_influence":
            importance = block_influence(model, prompts)
            return importance, sorted(importance, key=importance.__getitem__)[:going]
        importance, dropped = _by_loss(model, prompts, labels, going)
        if settings.method == "exchange":
            kept = _exchanged(model, prompts, labels, sorted(set(importance) - set(dropped)))
            return {}, sorted(set(importance) - set(kept))
        return importance, dropped


def _exchanged(model: Any, prompts: list[Batch], labels: list[int], kept: list[int]) -> list[int]:
    """The layers from which no exchange of one lowers the KL, beginning with ``kept``."""
    least = kept_loss(model, prompts, labels, [kept])[0]
    while True:
        dropped = [layer for layer in range(len(decoder_layers(model))) if layer not in kept]
        choices = [sorted({*kept, new} - {old}) for old in kept for new in dropped]
        losses = kept_loss(model, prompts, labels, choices)
        if not losses or min(losses) >= least:
            return kept
        least, kept = min(zip(losses, choices, strict=True))


def kept_loss(model: Any, prompts: list[Batch], labels: list[int], choices: Sequence[Sequence[int]]) -> list[float]:
    """For each choice of layers, KL of the labels' distribution by all layers from that by these alone, nats, mean of the prompts."""
    sums, count = [0.0] * len(choices), sum(len(batch.ids) for batch in prompts)
    for batch in prompts:
        walk = Walk(model, batch)
        exact = _log_shares(model, batch, _through(walk, range(len(decoder_layers(model)))), labels)
        for at, kept in enumerate(choices):
            found = _log_shares(model, batch, _through(walk, kept), labels)
            sums[at] += max(0.0, float((exact.exp() * (exact - found)).sum()))  # rounding takes an exact 0 below it
    return [total / count for total in sums]


def _through(walk: Walk, layers: Iterable[int]) -> Tensor:
    x = walk.start
    for layer in layers:
        x = walk.through(layer, x)
    return x


def block_influence(model: Any, prompts: list[Batch]) -> dict[int, float]:
    """Layer -> 1 - the mean cosine, over all tokens, between the hidden state before it and after."""
    layers = len(decoder_layers(model))
    cosines, tokens = [0.0] * layers, sum(int(batch.real.sum()) for batch in prompts)
    for batch in prompts:
        walk = Walk(model, batch)
        x = walk.start
        for layer in range(layers):
            y = walk.through(layer, x)
            cosines[layer] += float(torch.cosine_similarity(x.double(), y.double(), dim=-1)[batch.real].sum())
            x = y
    return {layer: 1 - cosine / tokens for layer, cosine in enumerate(cosines)}


def _by_loss(model: Any, prompts: list[Batch], labels: list[int], going: int) -> tuple[dict[int, float], list[int]]:
    """Layer -> its KL, and the dropped in order."""
    kept, gone = list(range(len(decoder_layers(model)))), {}
    while len(gone) < going:
        changes = _changes(model, prompts, labels, kept)
        least = min(kept, key=changes.__getitem__)
        gone[least] = changes.pop(least)
        kept.remove(least)
    return {**changes, **gone}, list(gone)


def _changes(model: Any, prompts: list[Batch], labels: list[int], kept: list[int]) -> dict[int, float]:
    """Layer -> KL of the labels' distribution by all layers from that by ``kept`` without it, the mean over the prompts.

    What precedes the missing layer is computed once for all.
    """
    sums, count = dict.fromkeys(kept, 0.0), sum(len(batch.ids) for batch in prompts)
    for batch in prompts:
        walk = Walk(model, batch)
        exact, x = _log_shares(model, batch, _through(walk, range(len(decoder_layers(model)))), labels), walk.start
        for at, missing in enumerate(kept):
            y = x
            for layer in kept[at + 1:]:
                y = walk.through(layer, y)
            found = _log_shares(model, batch, y, labels)
            sums[missing] += max(0.0, float((exact.exp() * (exact - found)).sum()))  # rounding takes an exact 0 below it
            x = walk.through(missing, x)
    return {layer: total / count for layer, total in sums.items()}


def _log_shares(model: Any, batch: Batch, x: Tensor, labels: list[int]) -> Tensor:
    """[B, T, hidden] after the layers -> log of the labels' distribution at each prompt's end, [B, labels]."""
    last = x[torch.arange(len(x)), batch.real.sum(1) - 1]
    return (model.model.norm(last) @ model.lm_head.weight[labels].T).double().log_softmax(-1)
