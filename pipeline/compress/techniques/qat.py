"""Quantisation-aware training: the matrices are rounded in every forward pass and learn weights that bear it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from pipeline.compress import DATA, TEACHER, Source
from pipeline.compress.model import matrices
from pipeline.compress.plan import Plan
from pipeline.compress.settings.qat import FAMILY as FAMILY
from pipeline.compress.settings.qat import STAGE as STAGE
from pipeline.compress.settings.qat import Settings
from pipeline.compress.techniques.distil import seconds
from pipeline.compress.training import heal
from pipeline.errors import EdgeError

NEEDS, LIBRARIES = (TEACHER, DATA), ("torch", "transformers", "tokenizers")
HEALS = True


class Rounded(nn.Module):
    """A matrix as ONNX Runtime's MatMulNBits will hold it after symmetric rounding to nearest (RTN).

    Codes run from -2^(bits - 1) to 2^(bits - 1) - 1; a group's scale, of either sign, gives its largest weight the lowest code.
    The gradient passes straight through the rounding (Bengio et al. 2013).
    """

    def __init__(self, bits: int, group: int) -> None:
        super().__init__()
        self.group, self.lowest = group, -(2 ** (bits - 1))

    def forward(self, weight: Tensor) -> Tensor:
        """[out, in] -> [out, in]"""
        groups = weight.reshape(-1, self.group)
        largest = groups.detach().gather(1, groups.detach().abs().argmax(1, keepdim=True))[:, 0]
        scale = torch.where(largest == 0, 1.0, largest / self.lowest)
        zero = torch.zeros_like(scale, dtype=torch.int32)
        return torch.fake_quantize_per_channel_affine(groups, scale, zero, 0, self.lowest, -self.lowest - 1).view_as(weight)


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Train ``source.model``, rounded as it runs, on the teacher's label distribution; the weights are written unrounded.

    The report's validation is that of the rounded model.  EdgeError for a group that does not divide a matrix's input width.
    """
    return heal(out, scratch, source, settings, around=lambda model: rounded(model, settings.bits, settings.group))


def predict(plan: Plan, settings: Settings) -> Plan:
    return plan.after(1.3 * seconds(plan, settings))


@contextmanager
def rounded(model: Any, bits: int, group: int) -> Iterator[None]:
    """Inside, every matrix acts rounded while the weight behind it stays what it is."""
    found = matrices(model)
    for name, matrix in found.items():
        if matrix.in_features % group:
            raise EdgeError(f"{name}: expected a group that divides its input width {matrix.in_features}, found {group}; "
                            "choose another group")
    for matrix in found.values():
        parametrize.register_parametrization(matrix, "weight", Rounded(bits, group))
    try:
        yield
    finally:
        for matrix in found.values():
            parametrize.remove_parametrizations(matrix, "weight", leave_parametrized=False)
