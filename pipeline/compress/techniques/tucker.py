"""Tucker over neighbouring layers: they share the bases of their inputs and outputs, each has a core: y = U (G_l (V^T x)).

A partial Tucker-2 of the stack [layers, out, in]: HOSVD (De Lathauwer et al. 2000a), then some rounds of HOOI (2000b).  By hand, from
the Gram matrices of the two unfoldings: tensorly's partial_tucker takes SVDs of the unfoldings, which are as many times wider as there
are layers, 139 s for four of 3072 x 1024.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.compress import Source
from pipeline.compress.factorise import check_some, dense_matrices, rank_of, shapes, share_left
from pipeline.compress.model import open_model, write_model
from pipeline.compress.plan import Plan
from pipeline.compress.settings.tucker import FAMILY as FAMILY
from pipeline.compress.settings.tucker import STAGE as STAGE
from pipeline.compress.settings.tucker import Settings
from pipeline.errors import EdgeError
from pipeline.progress import track
from pipeline.runtime.torch_factors import put_factors, share

NEEDS, LIBRARIES = (), ("torch", "transformers")


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Factorise each chosen stack; EdgeError for a matrix with a bias, and when all stay dense.

    Reports by its first matrix, in ``factorised`` or ``dense``, the layers, the ranks [in, out], the energy kept, and dense and
    factorised weights and multiplications a token; ``slower``: those with more multiplications than the dense.
    """
    model = open_model(source.model)
    report: dict[str, Any] = {"factorised": {}, "dense": {}, "slower": []}
    groups = [group for projection in settings.modules for group in _groups(dense_matrices(model, projection), settings.layers)]
    for name in (name for names in groups for name in names):
        if model.get_submodule(name).bias is not None:
            raise EdgeError(f"{name}: expected a matrix without a bias, which layers cannot share, found one; take it out of modules")
    with track("tucker", len(groups)) as progress:
        for names in groups:
            stack = torch.stack([model.get_submodule(name).weight.detach() for name in names]).double()
            right, left, cores = decompose(stack, settings)
            made = _measures(stack, cores)
            smaller = made["weights"]["after"] < made["weights"]["before"] or not settings.only_if_smaller
            report["factorised" if smaller else "dense"][names[0]] = made
            if smaller:
                _put(model, names, right, left, cores)
                report["slower"] += [names[0]] * (made["multiplications"]["after"] > made["multiplications"]["before"])
            progress.advance()
    check_some(report["factorised"], settings)
    write_model(model, source.model, out)
    return report


def predict(plan: Plan, settings: Settings) -> Plan:
    cubes = sum(outputs ** 3 + inputs ** 3 for name, (outputs, inputs) in shapes(plan).items() if name in settings.modules)
    seconds = 5 + plan.layers / settings.layers * (1 + settings.rounds) * cubes * 2.6e-10
    return plan.after(seconds, matrix_share=share_left(plan, settings))


def decompose(stack: Tensor, settings: Settings) -> tuple[Tensor, Tensor, Tensor]:
    """Of a stack [layers, out, in] the orthonormal bases V [in, r_in] and U [out, r_out], and the cores [layers, r_out, r_in]."""
    (right, inner), (left, outer) = _basis(stack.mT), _basis(stack)
    r_in, r_out = _ranks(inner, outer, stack.shape, settings)
    right, left = right[:, :r_in], left[:, :r_out]
    for _ in range(settings.rounds):
        left = _basis(stack @ right)[0][:, :r_out]
        right = _basis(stack.mT @ left)[0][:, :r_in]
    return right, left, left.T @ stack @ right


def _basis(stack: Tensor) -> tuple[Tensor, Tensor]:
    """Of [layers, n, m] the left singular vectors [n, n] of the unfolding [n, layers * m], and its squared singular values, falling."""
    values, vectors = torch.linalg.eigh(torch.einsum("lnm,lkm->nk", stack, stack))
    return vectors.flip(1), values.flip(0)


def _ranks(inner: Tensor, outer: Tensor, shape: torch.Size, settings: Settings) -> tuple[int, int]:
    """(r_in, r_out) that leave the same share of energy out on both sides: half of what may go, or as little as the budget allows."""
    if settings.energy:
        return rank_of(inner, (1 + settings.energy) / 2), rank_of(outer, (1 + settings.energy) / 2)
    layers, out, into = shape
    low, high = 0.0, 1.0
    for _ in range(50):
        kept = (low + high) / 2
        r_in, r_out = rank_of(inner, kept), rank_of(outer, kept)
        fits = _weights(layers, out, into, r_in, r_out) <= settings.budget * layers * out * into
        low, high = (kept, high) if fits else (low, kept)
    return rank_of(inner, low), rank_of(outer, low)


def _weights(layers: int, out: int, into: int, r_in: int, r_out: int) -> int:
    return into * r_in + out * r_out + layers * r_in * r_out


def _measures(stack: Tensor, cores: Tensor) -> dict[str, Any]:
    layers, out, into = stack.shape
    r_out, r_in = cores.shape[1:]
    energy = float(cores.square().sum() / stack.square().sum().clamp(min=1e-300))
    return {"layers": layers, "ranks": [r_in, r_out], "energy": round(energy, 6),
            "weights": {"before": stack.numel(), "after": _weights(layers, out, into, r_in, r_out)},
            "multiplications": {"before": layers * out * into, "after": layers * _weights(1, out, into, r_in, r_out)}}


def _groups(names: dict[int, str], size: int) -> list[list[str]]:
    """The names of neighbouring layers, ``size`` at a time; what is left over makes a smaller group, of one none."""
    starts = range(min(names, default=0), max(names, default=-1) + 1, size)
    groups = [[names[i] for i in range(start, start + size) if i in names] for start in starts]
    return [group for group in groups if len(group) > 1]


def _put(model: Any, names: list[str], right: Tensor, left: Tensor, cores: Tensor) -> None:
    for name, core in zip(names, cores, strict=True):
        put_factors(model, name, (right.T, core, left))
    share(model, {f"{name}.{end}": f"{names[0]}.{end}" for name in names[1:] for end in (0, 2)})
