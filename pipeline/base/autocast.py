"""bfloat16 in training, on a processor that multiplies it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def autocast() -> torch.autocast:
    """A context in bfloat16 where the processor has instructions for it, else in float32: without them it is emulated, at a fifth of
    float32's speed."""
    import torch

    return torch.autocast("cpu", torch.bfloat16, enabled=multiplies_bfloat16())


def multiplies_bfloat16() -> bool:
    """Whether the processor has such instructions: AMX, AVX-512's, Arm's."""
    import torch

    return any("bf16" in name for name, has in torch.cpu.get_capabilities().items() if has is True)
