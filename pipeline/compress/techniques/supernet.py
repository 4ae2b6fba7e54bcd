"""A supernet: one model trained with layers left out at random, so that any choice of its layers works without more training."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pipeline.compress import DATA, TEACHER, Source
from pipeline.compress.model import decoder_layers
from pipeline.compress.plan import Plan
from pipeline.compress.settings.supernet import FAMILY as FAMILY
from pipeline.compress.settings.supernet import STAGE as STAGE
from pipeline.compress.settings.supernet import Settings
from pipeline.compress.techniques.distil import seconds
from pipeline.compress.training import heal
from pipeline.errors import EdgeError

NEEDS, LIBRARIES = (TEACHER, DATA), ("torch", "transformers", "tokenizers")
HEALS = True


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Train all layers so that any of them may be missing; see `pipeline.compress.training.heal`.

    Each pass keeps from ``least`` to all layers, every number as likely, and of that number any choice, and learns the teacher's
    answers.  LayerDrop (Fan et al. 2019, arXiv:1909.11556) drops each layer with one chance, and so meets few layers seldom.  What
    it is good for is the step ``depth`` with ``method: exchange`` after it.  EdgeError where ``least`` is not below the number of layers.
    """
    return heal(out, scratch, source, settings, around=lambda model: layers_left_out(model, settings.least, settings.seed))


def predict(plan: Plan, settings: Settings) -> Plan:
    share = (settings.least + plan.layers) / 2 / plan.layers
    return plan.after(share * seconds(plan, settings))


@contextmanager
def layers_left_out(model: Any, least: int, seed: int) -> Iterator[None]:
    """Inside, a pass of the model in training goes through some of its layers alone; in evaluation through all.

    Which ones follows from the prompts and the seed, and so is the same in a run that goes on from a checkpoint.
    """
    layers = decoder_layers(model)
    if not least < len(layers):
        raise EdgeError(f"least: expected fewer than the model's {len(layers)} layers, found {least}; lower it")
    kept: set[int] = set()

    def draw(_: nn.Module, __: Any, given: dict[str, Any]) -> None:
        kept.clear()
        kept.update(drawn(given["input_ids"], len(layers), least, seed) if model.training else range(len(layers)))

    def through(at: int, forward: Any) -> Any:
        def maybe(states: Tensor, *args: Any, **options: Any) -> Tensor:
            return forward(states, *args, **options) if at in kept else states
        return maybe

    hook = model.model.register_forward_pre_hook(draw, with_kwargs=True)
    for at, layer in enumerate(layers):
        layer.forward = through(at, layer.forward)
    try:
        yield
    finally:
        hook.remove()
        for layer in layers:
            del layer.forward


def drawn(ids: Tensor, layers: int, least: int, seed: int) -> list[int]:
    """The layers that a pass over these prompts, int64 [B, T], goes through."""
    rng = random.Random(zlib.crc32(ids.numpy().tobytes(), seed))
    return rng.sample(range(layers), rng.randint(least, layers))
