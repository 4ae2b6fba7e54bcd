"""A forward pass that stays within float16 where its activations do, though their squares do not.

RMSNorm squares its input, and float16 ends at 65504: from 256 on a square is infinite, and its whole row becomes zero.  The residual
stream of a trained Qwen3 goes beyond that, even the small reference's.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

from pipeline.export.forward import RMSNorm

FLOOR = 1e-4  # added to the largest magnitude, so that a row of zeros is divided by something

Forward = TypeVar("Forward", bound=nn.Module)


class HalfRangeNorm(nn.Module):
    """RMSNorm of x / s, s the row's largest magnitude and a little more, whose squares are at most 1; eps becomes eps / s^2.

    The same function as RMSNorm, whatever s is.
    """

    root: Tensor

    def __init__(self, norm: RMSNorm) -> None:
        super().__init__()
        self.weight = norm.weight
        # The root, for eps itself is at the end of float16; a tensor, for a number divided becomes MIL's inverse, which adds 1e-4.
        self.register_buffer("root", torch.tensor([norm.eps**0.5]))

    def forward(self, x: Tensor) -> Tensor:
        largest = torch.maximum(x, x * -1).max(-1, keepdim=True).values + FLOOR
        x, root = x / largest, self.root / largest
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + root * root) * self.weight


def in_half_range(forward: Forward) -> Forward:
    """``forward`` with every RMSNorm in it replaced; shares its weights."""
    for module in list(forward.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, RMSNorm):
                setattr(module, name, HalfRangeNorm(child))
    return forward
