"""Pre-training of the reference base: a plain loop over documents of like length, bfloat16 where the processor has it, Muon and AdamW.

Muon (Jordan et al. 2024) for the matrices inside the layers, AdamW for the embedding and the norms; learning rates rise
over 5 % of the steps and fall as a cosine.  The number of steps is fixed, never the wall clock, so that the same seed,
thread count, library versions and kind of processor give the same weights, also after a kill and resume.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.base.autocast import autocast
from pipeline.base.corpus import Document
from pipeline.errors import EdgeError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

CHECKPOINT = "pretraining.safetensors"
SORTED_TOGETHER = 16
"""Batches sorted by length together: enough to waste little padding, few enough to keep a batch's documents mixed."""


@dataclass(frozen=True)
class Encoded:
    """Token ids of a document and each token's weight in the loss."""

    ids: list[int]
    weights: list[float]


@dataclass(frozen=True)
class Recipe:
    """How to pre-train: learning rates of matrices (Muon) and of the rest (AdamW), tokens a batch, seconds between saves."""

    seed: int
    matrix_lr: float
    other_lr: float
    tokens: int
    weight_decay: float = 0.01
    save_every: float = 20.0


def encode(documents: Sequence[Document], tokenizer: PreTrainedTokenizerBase) -> list[Encoded]:
    """The documents as ids and weights; pieces are encoded apart, so that no token crosses a change of weight."""
    pieces = [piece for document in documents for piece in document.pieces]
    unique = list(dict.fromkeys(text for text, _ in pieces))
    ids = dict(zip(unique, tokenizer(unique, add_special_tokens=False)["input_ids"], strict=True))
    return [Encoded([token for text, _ in document.pieces for token in ids[text]],
                    [weight for text, weight in document.pieces for _ in ids[text]]) for document in documents]


def batches(encoded: Sequence[Encoded], tokens: int, seed: int) -> list[list[int]]:
    """Indices into `encoded`, at most `tokens` padded tokens a batch, in the documents' order but for short ranges."""
    size = max(1, tokens // max(1, sum(len(one.ids) for one in encoded) // len(encoded)))
    rng, made = random.Random(seed), []
    for start in range(0, len(encoded), size * SORTED_TOGETHER):
        stop = min(start + size * SORTED_TOGETHER, len(encoded))
        near = sorted(range(start, stop), key=lambda at: len(encoded[at].ids))
        window: list[list[int]] = [[]]
        for at in near:
            if window[-1] and (len(window[-1]) + 1) * len(encoded[at].ids) > tokens:
                window.append([])
            window[-1].append(at)
        rng.shuffle(window)
        made += window
    return made


def _tensors(chosen: Sequence[Encoded], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    width = max(len(one.ids) for one in chosen)
    ids = torch.tensor([one.ids + [pad] * (width - len(one.ids)) for one in chosen])
    weights = torch.tensor([one.weights + [0.0] * (width - len(one.weights)) for one in chosen])
    return ids, weights


def loss_of(model: PreTrainedModel, ids: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weighted mean cross-entropy (nats) of the next token; the head runs only where the weight is not zero.

    ids and weights: [documents, tokens], padded on the right, which a causal model does not see.
    """
    from torch.nn import functional

    hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    asked = weights[:, 1:] > 0
    with autocast():
        logits = model.lm_head(hidden[asked])
    losses = functional.cross_entropy(logits.float(), ids[:, 1:][asked], reduction="none")
    return (losses * weights[:, 1:][asked]).sum() / weights[:, 1:][asked].sum()


def _optimizers(model: PreTrainedModel, recipe: Recipe) -> list[torch.optim.Optimizer]:
    import torch

    inner = [weight for name, weight in model.model.layers.named_parameters() if weight.ndim == 2]
    known = {id(weight) for weight in inner}
    other = [weight for weight in model.parameters() if id(weight) not in known]
    return [torch.optim.Muon(inner, lr=recipe.matrix_lr, weight_decay=recipe.weight_decay, adjust_lr_fn="original"),
            torch.optim.AdamW(other, lr=recipe.other_lr, betas=(0.9, 0.98), weight_decay=0.0)]


def _schedule(step: int, steps: int) -> float:
    warm = max(1, steps // 20)
    if step < warm:
        return (step + 1) / warm
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _state(model: PreTrainedModel, optimizers: Sequence[torch.optim.Optimizer]) -> dict[str, torch.Tensor]:
    state = {f"model.{name}": weight.detach() for name, weight in model.named_parameters()}
    for which, optimizer in enumerate(optimizers):
        for at, values in optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{which}.{at}.{name}": value for name, value in values.items()}
    return state


def _save(path: Path, state: dict[str, torch.Tensor], stamp: dict[str, str]) -> None:
    from safetensors.torch import save_file

    part = path.with_suffix(".part")
    save_file(state, part, metadata=stamp)
    os.replace(part, path)


def _resume(path: Path, model: PreTrainedModel, optimizers: Sequence[torch.optim.Optimizer], run: str) -> int:
    """Load the checkpoint of the same run, if there is one, and return the steps already done."""
    import torch
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return 0
    try:
        with safe_open(path, "pt") as file:
            stamp, state = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError:
        return 0
    if stamp.get("run") != run:
        return 0
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(state[f"model.{name}"])
    for which, optimizer in enumerate(optimizers):
        found: dict[int, dict[str, Any]] = {}
        for name, value in state.items():
            if name.startswith(f"optimizer.{which}."):
                _, _, at, key = name.split(".", 3)
                found.setdefault(int(at), {})[key] = value
        optimizer.load_state_dict({**optimizer.state_dict(), "state": found})
    return int(stamp["step"])


def pretrain(model: PreTrainedModel, encoded: Sequence[Encoded], pad: int, recipe: Recipe,
             scratch: Path) -> Iterator[float]:
    """Train `model` (float32, in place) on `encoded` once through, and yield the loss of every step of this call.

    A checkpoint is kept in `scratch`; a later call with the same data and recipe goes on from it, bit-equal.
    Raises EdgeError if the loss is not finite.
    """
    from tqdm import tqdm

    plan = batches(encoded, recipe.tokens, recipe.seed)
    run = json.dumps([repr(recipe), len(encoded), len(plan), model.config.to_json_string(use_diff=False)])
    optimizers = _optimizers(model, recipe)
    done = _resume(scratch / CHECKPOINT, model, optimizers, run)
    saved = time.monotonic()
    model.train()
    for step in tqdm(range(done, len(plan)), initial=done, total=len(plan), desc="pre-training", disable=None):
        for optimizer, rate in zip(optimizers, (recipe.matrix_lr, recipe.other_lr), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * _schedule(step, len(plan))
        ids, weights = _tensors([encoded[at] for at in plan[step]], pad)
        with autocast():
            loss = loss_of(model, ids, weights)
        loss.backward()
        if not math.isfinite(value := loss.item()):
            raise EdgeError(f"pre-training needs a finite loss, but step {step} gave {value}: lower its learning rates")
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if time.monotonic() - saved > recipe.save_every:
            _save(scratch / CHECKPOINT, _state(model, optimizers), {"run": run, "step": str(step + 1)})
            saved = time.monotonic()
        yield value
    _save(scratch / CHECKPOINT, _state(model, optimizers), {"run": run, "step": str(len(plan))})
