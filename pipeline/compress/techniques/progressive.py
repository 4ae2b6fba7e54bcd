"""Gradual pruning by magnitude while the model learns from its teacher: what is left makes up for what goes.

The cubic schedule of Zhu and Gupta 2017, To prune, or not to prune; the loss is KL to the teacher's label distribution.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import kl_div

from pipeline.compress import DATA, TEACHER, Source
from pipeline.compress.calibration import answers, asked
from pipeline.compress.masks import check_sparsity, sparsities
from pipeline.compress.model import matrices, open_model, write_model
from pipeline.compress.plan import Plan
from pipeline.compress.settings.progressive import FAMILY as FAMILY
from pipeline.compress.settings.progressive import STAGE as STAGE
from pipeline.compress.settings.progressive import Settings
from pipeline.compress.techniques.magnitude import zero_smallest
from pipeline.progress import track

NEEDS, LIBRARIES = (TEACHER, DATA), ("torch", "transformers")
HEALS = True
PAD = 0  # any id: it stands after what is read


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Train the decoder layers' matrices and prune them; embedding and norms stay.  Reports the loss (nats) and zeros by matrix.

    In float32: 16 bytes a trained weight, 4 an embedding's; the teacher is asked before the model is read.
    """
    total = settings.steps + settings.hold
    prompts, labels = [prompt.ids for prompt in asked(source)], answers(source)
    batches = list(_batches(len(prompts), total, settings))
    wanted = _teacher_logs(source, {i for batch in batches for i in batch})
    model = open_model(source.model)
    stored, pruned = model.dtype, matrices(model)
    for name, linear in pruned.items():
        check_sparsity(name, linear.weight.numel(), settings.sparsity)
    model.float().requires_grad_(False)
    weights = [linear.weight.requires_grad_() for linear in pruned.values()]
    optimizer = torch.optim.AdamW(weights, settings.lr, weight_decay=0.0)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    losses, held = [], []
    with track("progressive pruning", total) as progress:
        for step, batch in enumerate(batches, start=1):
            found = _label_logs(model, [prompts[i] for i in batch], labels)
            loss = kl_div(found, torch.stack([wanted[i] for i in batch]), reduction="batchmean", log_target=True)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
            for weight, mask in zip(weights, held, strict=bool(held)):
                weight.data.mul_(mask)
            if step == settings.steps or (step < settings.steps and step % settings.every == 0):
                zero_smallest(pruned.values(), sparsity_at(step, settings), settings.scope)
                held = [weight.data != 0 for weight in weights]
            losses.append(loss.item())
            progress.advance(note=f"loss {losses[-1]:.3f}")
    write_model(model.to(stored), source.model, out)
    return {"loss": {"first": round(losses[0], 6), "last": round(losses[-1], 6)}, "sparsity_by_matrix": sparsities(pruned)}


def predict(plan: Plan, settings: Settings) -> Plan:
    return plan.after(10 + plan.matrices * (settings.steps + settings.hold) * settings.batch * 1e-8)


def sparsity_at(step: int, settings: Settings) -> float:
    """From 0 at the beginning to the settings' at ``steps``, fast at first."""
    return settings.sparsity * (1 - (1 - step / settings.steps) ** 3)


def _batches(prompts: int, steps: int, settings: Settings) -> Iterator[list[int]]:
    """Indices of the prompts of each step: all in a random order, again and again in another."""
    draw, order = random.Random(settings.seed), list[int]()
    for _ in range(steps):
        while len(order) < settings.batch:
            order += draw.sample(range(prompts), prompts)
        yield order[:settings.batch]
        del order[:settings.batch]


@torch.inference_mode()
def _teacher_logs(source: Source, chosen: set[int]) -> dict[int, Tensor]:
    """The teacher's log distribution [labels] for the chosen prompts, which its own tokenizer encodes."""
    assert source.teacher is not None
    its = replace(source, model=source.teacher)
    prompts, labels, teacher = [prompt.ids for prompt in asked(its)], answers(its), open_model(source.teacher, torch.float32)
    return {i: _label_logs(teacher, [prompts[i]], labels)[0] for i in sorted(chosen)}


def _label_logs(model: Any, prompts: list[list[int]], labels: list[int]) -> Tensor:
    """Log distribution over the labels [prompts, labels]; what pads a shorter prompt comes after it, where it is not seen."""
    width, last = max(map(len, prompts)), [len(ids) - 1 for ids in prompts]
    ids = torch.tensor([ids + [PAD] * (width - len(ids)) for ids in prompts])
    states = model.model(input_ids=ids, use_cache=False).last_hidden_state[torch.arange(len(prompts)), last]
    return (states @ model.lm_head.weight[labels].T).log_softmax(-1)
