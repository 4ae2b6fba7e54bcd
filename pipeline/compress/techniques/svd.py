"""Truncated SVD: a matrix becomes two thin ones, y = U (V^T x), each with the square root of the singular values in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.compress import Source
from pipeline.compress.factorise import check_some, dense_matrices, rank_of, shapes, share_left
from pipeline.compress.model import open_model, write_model
from pipeline.compress.plan import Plan
from pipeline.compress.settings.svd import FAMILY as FAMILY
from pipeline.compress.settings.svd import STAGE as STAGE
from pipeline.compress.settings.svd import Settings
from pipeline.progress import track
from pipeline.runtime.torch_factors import put_factors

NEEDS, LIBRARIES = (), ("torch", "transformers")


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Factorise each chosen matrix.  Reports by matrix rank, energy kept and weights before and after, which are also the
    multiplications a token: ``factorised``, and ``dense`` for those left as they are.  EdgeError when that is all of them.
    """
    model = open_model(source.model)
    report: dict[str, dict[str, Any]] = {"factorised": {}, "dense": {}}
    names = [name for projection in settings.modules for name in dense_matrices(model, projection).values()]
    with track("svd", len(names)) as progress:
        for name in names:
            weight = model.get_submodule(name).weight.detach().float()
            left, values, right = torch.linalg.svd(weight, full_matrices=False)
            rank, energies = _rank(values, weight, settings), values.double().square()
            sizes = {"before": weight.numel(), "after": rank * sum(weight.shape)}
            smaller = sizes["after"] < sizes["before"] or not settings.only_if_smaller
            report["factorised" if smaller else "dense"][name] = {
                "rank": rank, "energy": round(float(energies[:rank].sum() / energies.sum().clamp(min=1e-300)), 6), "weights": sizes}
            if smaller:
                put_factors(model, name, factors(left, values, right, rank))
            progress.advance()
    check_some(report["factorised"], settings)
    write_model(model, source.model, out)
    return report


def predict(plan: Plan, settings: Settings) -> Plan:
    cubes = sum(min(shape) ** 2 * max(shape) for name, shape in shapes(plan).items() if name in settings.modules)
    return plan.after(5 + plan.layers * cubes * 3e-10, matrix_share=share_left(plan, settings))


def factors(left: Tensor, values: Tensor, right: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """[rank, in] and [out, rank], of equal norm, which suits a later quantisation."""
    root = values[:rank].sqrt()
    return root[:, None] * right[:rank], left[:, :rank] * root


def _rank(values: Tensor, weight: Tensor, settings: Settings) -> int:
    if settings.energy:
        return rank_of(values.double().square(), settings.energy)
    return min(len(values), max(1, int(settings.budget * weight.numel() / sum(weight.shape))))
