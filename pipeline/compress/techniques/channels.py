"""Fewer channels in the gated feed-forward blocks: of each layer those go that add least to the residual stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from pipeline.compress import DATA, Source
from pipeline.compress.calibration import asked
from pipeline.compress.importance import cut, fewer, output_energy, share_kept, strongest
from pipeline.compress.model import decoder_layers, open_model, write_model
from pipeline.compress.plan import Plan
from pipeline.compress.settings.channels import FAMILY as FAMILY
from pipeline.compress.settings.channels import STAGE as STAGE
from pipeline.compress.settings.channels import Settings

NEEDS, LIBRARIES = (DATA,), ("torch", "transformers")


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Write the model with fewer channels, as many in every layer; their order stays.

    A channel's importance: E x^2 |w|^2, of its activation and its column of down_proj (`output_energy`).  EdgeError when
    no channel would go.  Report: channels {before, after}, and importance_kept by layer.
    """
    model = open_model(source.model, torch.float32)
    before = model.config.intermediate_size
    count = _count(before, settings)
    importance = output_energy(model, asked(source, settings.samples, settings.seed), lambda layer: layer.mlp.down_proj, 1)
    kept = [strongest(of, count) for of in importance]
    model = open_model(source.model)
    for layer, channels in zip(decoder_layers(model), kept, strict=True):
        cut(layer.mlp.gate_proj, rows=channels)
        cut(layer.mlp.up_proj, rows=channels)
        cut(layer.mlp.down_proj, columns=channels)
    model.config.intermediate_size = count
    write_model(model, source.model, out)
    return {"channels": {"before": before, "after": count}, "importance_kept": share_kept(importance, kept)}


def predict(plan: Plan, settings: Settings) -> Plan:
    return plan.after(plan.parameters * settings.samples * 1e-9, ffn=_count(plan.ffn, settings))


def _count(channels: int, settings: Settings) -> int:
    """How many stay: the nearest multiple, at least one."""
    count = max(1, round(settings.keep * channels / settings.multiple)) * settings.multiple
    return fewer(count, channels, f"channels in multiples of {settings.multiple}")
