"""One matrix, rounded to the nearest code, and packed as compressed-tensors packs it."""

from __future__ import annotations

from math import ceil, prod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pipeline.errors import EdgeError

if TYPE_CHECKING:
    from compressed_tensors.quantization import QuantizationScheme

Shape = tuple[int, ...]


def quantised(name: str, weight: Tensor, scheme: QuantizationScheme) -> dict[str, Tensor]:
    """[outputs, inputs] -> what takes its place, by the last part of its name (weight or weight_packed, weight_scale, …).

    The least and the largest weight that share a scale are represented, without clipping; scales are float32, as codes computed in
    bfloat16 would be off by one.  EdgeError where the range is too wide for a float32.
    """
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization.utils import calculate_qparams

    exact, group = weight.float(), scheme.weights.group_size
    shares = exact.unflatten(-1, (-1, group)) if group else exact
    scale, zero = calculate_qparams(shares.amin(-1, keepdim=not group), shares.amax(-1, keepdim=not group), scheme.weights)
    if not torch.isfinite(scale).all():
        raise EdgeError(f"{name}: expected weights whose range a float32 can hold, found a wider one; this model is damaged")
    state = {"weight": exact, "weight_scale": scale, "weight_zero_point": zero}
    return BaseCompressor.get_value_from_registry(scheme.format.value).compress(state, scheme)


def stored_bytes(shape: Shape, scheme: QuantizationScheme) -> int:
    """Of codes, scales, zero points and shape, once it is quantised."""
    outputs, inputs = shape
    weights = scheme.weights
    groups = inputs // weights.group_size if weights.group_size else 1
    scales = 4 * (1 if weights.strategy == "tensor" else outputs * groups)
    if weights.type == "int" and scheme.input_activations is None:  # packed into int32
        zeros = 0 if weights.symmetric else 4 * ceil(outputs * weights.num_bits / 32) * groups
        return 4 * ceil(inputs * weights.num_bits / 32) * outputs + scales + zeros + 2 * 8
    ranges = 4 if scheme.input_activations is not None and not scheme.input_activations.dynamic else 0
    return prod(shape) * weights.num_bits // 8 + scales + ranges


def misfit(shape: Shape, scheme: QuantizationScheme) -> str | None:
    """Why a matrix cannot be quantised so, or None."""
    outputs, inputs = shape
    group = scheme.weights.group_size
    if not scheme.weights.symmetric and outputs <= (word := 32 // scheme.weights.num_bits):  # compressed-tensors 0.20 cannot unpack them
        return f"expected more than {word} outputs with zero points, found {outputs}; give --symmetric, or --ignore it"
    if group and inputs % group:
        return f"expected inputs in groups of {group}, found {inputs}; set --group-size to a divisor, or --ignore it"
    return None
