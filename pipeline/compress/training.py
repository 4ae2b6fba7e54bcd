"""Training that mends a model by its teacher's answers: what distillation, quantisation-aware and gradual methods share."""

from __future__ import annotations

import hashlib
import json
import math
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.base.pretrain import Encoded, batches
from pipeline.base.reference import ATTENTION
from pipeline.compress import Source
from pipeline.compress.checkpoint import EVERY, Checkpoint
from pipeline.compress.lessons import Answered, Lessons, answer, answer_all, portions
from pipeline.compress.model import open_model, write_model
from pipeline.compress.schedule import schedule
from pipeline.compress.settings.training import Training
from pipeline.compress.tasks.query import UNLABELLED
from pipeline.compress.teacher import healing_lessons
from pipeline.errors import EdgeError
from pipeline.progress import track
from pipeline.runtime.files import write_object

CLIP = 1.0  # norm of a step's gradient
SETTLED = 1e-6  # nats: below it a gradient is rounding noise, which AdamW would scale up to whole steps


Around = Callable[[Any], AbstractContextManager[None]]
"""What is done to the model while it trains, and undone before it is written."""
AfterStep = Callable[[Any, int, int], None]
"""Called with the model, the steps done and the steps in all; whatever it keeps must follow from these, for a resumed run."""


def heal(out: Path, scratch: Path, source: Source, settings: Training, *, around: Around = lambda model: nullcontext(),
         after_step: AfterStep | None = None) -> dict[str, Any]:
    """Train ``source.model`` to answer as its teacher does, and write it with curves.json into ``out``; the common part of `apply`.

    ``source.teacher`` is the teacher, or its kept answers (`pipeline.compress.teacher`); both give the same bytes.  Trained in float32
    and written in its own type.  Returns for the report: steps, queries, and of the validation queries KL
    divergence (nats), agreement with the teacher and accuracy, before and after (both inside ``around``).
    """
    started = time.monotonic()
    lessons, validation = healing_lessons(source, settings.transfer, settings.seed, settings.features > 0)
    model = open_model(source.model)
    own = model.dtype
    with around(model.float()):
        before = judge(model, validation)
        losses = train(model, lessons, settings, scratch, after_step)
        after = judge(model, validation)
    write_model(model.to(own).eval(), source.model, out)
    rows = {"train": len(lessons.ids) - settings.transfer, "transfer": settings.transfer, "validation": len(validation.ids)}
    write_object(out / "curves.json", {
        "train": [{"step": step, "loss": loss} for step, loss in enumerate(losses, start=1)],
        "eval": [{"step": 0, "epoch": 0.0, **before}, {"step": len(losses), "epoch": settings.epochs, **after}],
        "best_step": len(losses), "best_checkpoint": "the last", "rows": rows, "seconds": round(time.monotonic() - started, 1)})
    return {"steps": len(losses), "queries": rows, "validation": {"before": before, "after": after}}


def train(model: Any, lessons: Lessons, settings: Training, scratch: Path, after_step: AfterStep | None = None,
          save_every: float = EVERY) -> list[float]:
    """Train a float32 model in place on the teacher's answers and return the loss of every step.

    Embedding and head stay: a quarter of Qwen3-0.6B's weights, of which the queries touch few rows.  Matrix weights that are zero
    stay zero: they were pruned.  A killed run goes on from its checkpoint in ``scratch``, bit-equal at the same number of
    threads.  EdgeError when the loss is not finite.
    """
    plan = steps_of(lessons.ids, settings)
    for module in (model.get_input_embeddings(), model.lm_head):
        module.weight.requires_grad_(False)
    weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    pruned = [(weight, weight != 0) for weight in weights.values() if weight.ndim == 2 and bool((weight == 0).any())]
    optimizer = torch.optim.AdamW(weights.values(), betas=(0.9, 0.98), weight_decay=0.0)
    checkpoint = Checkpoint(scratch, _run(model, lessons, settings, weights), weights, optimizer, save_every)
    losses = checkpoint.resume()
    model.set_attn_implementation(ATTENTION)
    model.train()
    with track("training", len(plan)) as bar:
        bar.advance(len(losses))
        for step in range(len(losses), len(plan)):
            losses.append(_backward(model, lessons, plan[step], settings))
            if not math.isfinite(losses[-1]):
                raise EdgeError(f"expected a finite loss, found {losses[-1]} at step {step + 1}; lower learning_rate")
            if losses[-1] > SETTLED:
                torch.nn.utils.clip_grad_norm_(weights.values(), CLIP)
                for group in optimizer.param_groups:
                    group["lr"] = settings.learning_rate * schedule(step, len(plan), settings.warmup)
                optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            with torch.no_grad():
                for weight, kept in pruned:
                    weight.mul_(kept)
                if after_step:
                    after_step(model, step + 1, len(plan))
            checkpoint.save_sometimes(losses)
            bar.advance(note=f"loss {losses[-1]:.4f}")
    model.eval()
    return losses


def loss_of(found: Answered, lessons: Lessons, chosen: Sequence[int], settings: Training) -> Tensor:
    """Summed over the prompts: T^2 KL(teacher || student) at temperature T (Hinton et al. 2015) + ``hard`` CE + ``features`` (1 - cosine).

    The cosine is that of hidden states at the prompt's last position, mean over the layers (Sanh et al. 2019); 1 - cosine is half the
    squared distance of the states at unit length, which leaves out that their lengths differ widely from layer to layer.
    """
    hot = settings.temperature
    ours, theirs = ((logits.float() / hot).log_softmax(-1) for logits in (found.logits, lessons.logits[chosen]))
    loss = hot**2 * functional.kl_div(ours, theirs, reduction="sum", log_target=True)
    if settings.hard:
        loss = loss + settings.hard * functional.cross_entropy(
            found.logits.float(), lessons.labels[chosen], ignore_index=UNLABELLED, reduction="sum")
    if settings.features and found.states is not None and lessons.states is not None:
        alike = functional.cosine_similarity(found.states, lessons.states[chosen], dim=-1)
        loss = loss + settings.features * (1 - alike).mean(-1).sum()
    return loss


def steps_of(ids: Sequence[list[int]], settings: Training) -> list[list[int]]:
    """The prompts of each step: every epoch in another order, those of like length together."""
    tokens = settings.batch_size * -(-sum(map(len, ids)) // len(ids))
    plan: list[list[int]] = []
    for epoch in range(math.ceil(settings.epochs)):
        order = random.Random(settings.seed + epoch).sample(range(len(ids)), len(ids))
        made = batches([Encoded(ids[at], []) for at in order], tokens, settings.seed + epoch)
        left = settings.epochs - epoch
        plan += [[order[at] for at in batch] for batch in made[:max(1, round(left * len(made))) if left < 1 else None]]
    return plan


def judge(model: Any, lessons: Lessons) -> dict[str, float]:
    """KL divergence from the teacher (``loss``, nats a prompt), share of the same labels, and accuracy."""
    logits = answer_all(model, lessons.ids, lessons.label_ids).logits
    divergence = functional.kl_div(logits.log_softmax(-1), lessons.logits.log_softmax(-1), reduction="batchmean", log_target=True)
    best = logits.argmax(-1)
    found = {"loss": divergence, "agreement": (best == lessons.logits.argmax(-1)).double().mean(),
             "token_accuracy": (best == lessons.labels).double().mean()}
    return {name: round(float(value), 6) for name, value in found.items()}


def _backward(model: Any, lessons: Lessons, batch: Sequence[int], settings: Training) -> float:
    """Add a batch's gradient to the weights, a portion at a time; the mean loss of its prompts."""
    total = 0.0
    for some in portions(batch, lessons.ids, model.config):
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.bfloat16):
            found = answer(model, [lessons.ids[at] for at in some], lessons.label_ids, lessons.layers)
        loss = loss_of(found, lessons, some, settings) / len(batch)
        loss.backward()
        total += loss.item()
    return total


def _run(model: Any, lessons: Lessons, settings: Training, weights: dict[str, Any]) -> str:
    """All that determines a run: settings, shapes, and sums of what is learnt and of where it starts."""
    content = hashlib.sha256(json.dumps(lessons.ids).encode())
    content.update(lessons.logits.numpy().tobytes())
    return json.dumps([settings.model_dump(), model.config.to_json_string(use_diff=False), content.hexdigest(),
                       {name: [list(weight.shape), float(weight.detach().sum())] for name, weight in weights.items()}])
