"""What the decomposition techniques share: which matrices, how much of them, and what became of each."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from pipeline.compress.model import decoder_layers
from pipeline.compress.plan import Plan
from pipeline.compress.settings.factorised import Factorised
from pipeline.errors import EdgeError

NOISE = 1e-10
"""Share of the squared singular values that float32 makes of nothing."""


def rank_of(energies: Tensor, energy: float) -> int:
    """The fewest of the descending ``energies`` (squared singular values) that keep such a share of their sum; at least 1."""
    energies = energies.double().clamp(min=0)
    total = energies.sum()
    left_out = total - energies.cumsum(0)
    return int((left_out > total * max(1 - energy, NOISE)).sum()) + 1 if total else 1


def dense_matrices(model: Any, projection: str) -> dict[int, str]:
    """Number of the layer -> name of its matrix, of one projection, as far as it is not factorised already."""
    names = {i: f"model.layers.{i}.{part}.{projection}" for i, layer in enumerate(decoder_layers(model))
             for part in ("self_attn", "mlp") if hasattr(getattr(layer, part), projection)}
    return {i: name for i, name in names.items() if hasattr(model.get_submodule(name), "weight")}


def check_some(factorised: dict[str, Any], settings: Factorised) -> None:
    """EdgeError when every matrix stayed dense."""
    if not factorised:
        raise EdgeError(f"expected a matrix of {', '.join(settings.modules)} that factors make smaller, found none; "
                        "keep less energy, or leave this step out")


def shapes(plan: Plan) -> dict[str, tuple[int, int]]:
    """(outputs, inputs) of each matrix of a layer."""
    q, kv = plan.heads * plan.head_dim, plan.kv_heads * plan.head_dim
    return {"q_proj": (q, plan.hidden), "k_proj": (kv, plan.hidden), "v_proj": (kv, plan.hidden), "o_proj": (plan.hidden, q),
            "gate_proj": (plan.ffn, plan.hidden), "up_proj": (plan.ffn, plan.hidden), "down_proj": (plan.hidden, plan.ffn)}


def share_left(plan: Plan, settings: Factorised) -> float:
    """Share of all matrices' weights that is left; with an energy all, because no arithmetic knows the singular values."""
    sizes = {name: outputs * inputs for name, (outputs, inputs) in shapes(plan).items()}
    saved = 0.0 if settings.energy else (1 - settings.budget) * sum(sizes[name] for name in set(settings.modules))
    return plan.matrix_share * (1 - saved / sum(sizes.values()))
