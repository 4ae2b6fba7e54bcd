"""Fewer attention heads: whole groups, a key-value head with its queries, of each layer those that add least."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.compress import DATA, Source
from pipeline.compress.calibration import asked
from pipeline.compress.importance import at_most, cut, fewer, output_energy, share_kept, strongest
from pipeline.compress.model import decoder_layers, open_model, write_model
from pipeline.compress.plan import Plan, plan_of
from pipeline.compress.settings.heads import FAMILY as FAMILY
from pipeline.compress.settings.heads import STAGE as STAGE
from pipeline.compress.settings.heads import Settings

NEEDS, LIBRARIES = (DATA,), ("torch", "transformers")


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Write the model with fewer groups, as many in every layer; their order and width stay.

    A group's importance: E |W x|^2, of its heads' outputs through their columns of o_proj (`output_energy`).  EdgeError when
    no group would go.  Report: groups {before, after}, kept and importance by layer.
    """
    model, plan = open_model(source.model, torch.float32), plan_of(source.model)
    count, queries = _count(plan, settings), plan.heads // plan.kv_heads
    importance = output_energy(model, asked(source, settings.samples, settings.seed),
                               lambda layer: layer.self_attn.o_proj, queries * plan.head_dim)
    kept = [strongest(of, count) for of in importance]
    model = open_model(source.model)
    for layer, groups in zip(decoder_layers(model), kept, strict=True):
        attention, mixed = layer.self_attn, _spread(groups, queries * plan.head_dim)
        cut(attention.q_proj, rows=mixed)
        cut(attention.k_proj, rows=_spread(groups, plan.head_dim))
        cut(attention.v_proj, rows=_spread(groups, plan.head_dim))
        cut(attention.o_proj, columns=mixed)
    model.config.num_key_value_heads, model.config.num_attention_heads = count, count * queries
    write_model(model, source.model, out)
    return {"groups": {"before": plan.kv_heads, "after": count}, "kept": [groups.tolist() for groups in kept],
            "importance": [[float(f"{value:.4g}") for value in of.tolist()] for of in importance],
            "importance_kept": share_kept(importance, kept)}


def predict(plan: Plan, settings: Settings) -> Plan:
    count = _count(plan, settings)
    return plan.after(plan.parameters * settings.samples * 1e-9, kv_heads=count, heads=count * (plan.heads // plan.kv_heads))


def _count(plan: Plan, settings: Settings) -> int:
    return fewer(settings.keep_groups or at_most(settings.keep, plan.kv_heads), plan.kv_heads, "groups of heads")


def _spread(groups: Tensor, width: int) -> Tensor:
    """Groups -> the rows that belong to them, ``width`` each."""
    return (groups[:, None] * width + torch.arange(width)).flatten()
