"""What each operation of a Core ML program (MIL) computes, in numpy.

Floating-point values are held in float32, whatever the program calls them: those of fp16 tensors lie on fp16's grid (`to_fp16`).
So an operation is computed in float32 and its result rounded once, which is what is promised of fp16 arithmetic with a
wide accumulator.  Not modelled: the order of additions, an accumulator that is itself fp16, and how a chip approximates exp,
sqrt or a division.  An operation takes its inputs by MIL's names; sizes and axes are numpy arrays too, as they are in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pipeline.errors import EdgeError

Array = np.ndarray
_EXPONENT = np.uint32(0x7F800000)  # the bits of a float32's exponent
_FIRST_POWER, _LAST_POWER, _STEP = np.float32(2.0**-14), np.float32(2.0**15), np.float32(1.5 * 2.0**13)
NUMPY = {"fp16": np.float32, "fp32": np.float32, "int8": np.int8, "int16": np.int16, "int32": np.int32, "uint8": np.uint8,
         "uint16": np.uint16, "bool": np.bool_}  # what holds a tensor of each type


def to_fp16(values: Array) -> tuple[Array, bool]:
    """float32 to the nearest fp16, ties to even, as float32; and whether all are finite and within fp16's range.

    Adding and subtracting 1.5 * 2^13 * 2^e, e the value's exponent (-14 at least), leaves what fp16 keeps of it, in half the time
    that numpy's own conversion there and back takes.
    """
    power = np.bitwise_and(values.view(np.uint32), _EXPONENT).view(np.float32)
    if power.max(initial=0) >= _LAST_POWER and not _in_range(values):  # also true of NaN, whose exponent is the largest
        return values.astype(np.float16).astype(np.float32), False
    np.maximum(power, _FIRST_POWER, out=power)
    power *= _STEP
    result = values + power
    result -= power
    return result, True


def _in_range(values: Array) -> bool:
    return bool(np.isfinite(values.astype(np.float16)).all())


def _linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    y = x.reshape(-1, x.shape[-1]) @ weight.T
    y = y if bias is None or not bias.any() else y + bias
    return y.reshape(*x.shape[:-1], -1)


def _matmul(x: Array, y: Array, transpose_x: Array | bool = False, transpose_y: Array | bool = False) -> Array:
    return np.matmul(x.swapaxes(-1, -2) if transpose_x else x, y.swapaxes(-1, -2) if transpose_y else y)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _softmax(x: Array, axis: Array) -> Array:
    powers = np.exp(x - x.max(axis=int(axis), keepdims=True))
    powers /= powers.sum(axis=int(axis), keepdims=True)
    return powers


def _reduced(function: Callable[..., Array]) -> Callable[..., Array]:
    def reduce(x: Array, axes: Array | None = None, keep_dims: Array | bool = False) -> Array:
        return np.asarray(function(x, axis=None if axes is None else tuple(axes.tolist()), keepdims=bool(keep_dims)))

    return reduce


def _cast(x: Array, dtype: Array) -> Array:
    if str(dtype) not in NUMPY:
        raise EdgeError(f"cast: expected one of {', '.join(NUMPY)}, found {dtype}; teach it to pipeline/formats/mil_ops.py")
    return x.astype(NUMPY[str(dtype)])


def _reshape(x: Array, shape: Array) -> Array:
    sizes = shape.tolist()
    return x.reshape([x.shape[i] if size == 0 else size for i, size in enumerate(sizes)])


def _slice(x: Array, begin: Array, end: Array, stride: Array | None = None, begin_mask: Array | None = None,
           end_mask: Array | None = None, squeeze_mask: Array | None = None) -> Array:
    def flags(mask: Array | None) -> list[bool]:
        return [False] * x.ndim if mask is None else mask.tolist()

    steps = [1] * x.ndim if stride is None else stride.tolist()
    asked: list[Any] = []
    for start, stop, step, from_start, to_end, one in zip(
            begin.tolist(), end.tolist(), steps, flags(begin_mask), flags(end_mask), flags(squeeze_mask), strict=True):
        asked.append(start if one else slice(None if from_start else start, None if to_end else stop, step))
    return x[tuple(asked)]


def _gather(x: Array, indices: Array, axis: Array | int = 0, batch_dims: Array | int = 0, validate_indices: Array | bool = False) -> Array:
    if int(batch_dims):
        raise EdgeError("gather: expected no batch dimensions, found some; teach it to pipeline/formats/mil_ops.py")
    size = x.shape[int(axis)]
    if indices.size and not -size <= indices.min() <= indices.max() < size:
        raise EdgeError(f"gather: expected indices below {size}, found {indices.min()} to {indices.max()}; "
                        "use the tokenizer of the same model")
    return np.take(x, indices, axis=int(axis))


def _concat(values: Sequence[Array], axis: Array, interleave: Array | bool = False) -> Array:
    if interleave:
        raise EdgeError("concat: expected no interleaving, found it; teach it to pipeline/formats/mil_ops.py")
    return np.concatenate(values, axis=int(axis))


def _repeated(values: Array, shape: Sequence[int]) -> Array:
    """``values``, one a block, spread over ``shape``."""
    for axis, size in enumerate(shape):
        if values.shape[axis] not in (1, size):
            values = np.repeat(values, size // values.shape[axis], axis=axis)
    return values


def _blockwise(data: Array, scale: Array, offset: Array | None = None) -> Array:
    values = data.astype(np.float32)
    if offset is not None:
        values -= _repeated(offset.astype(np.float32), data.shape)
    values *= _repeated(scale, data.shape)
    return values


def _lookup(indices: Array, lut: Array, vector_axis: Array | None = None) -> Array:
    if lut.shape[-1] != 1:
        raise EdgeError("constexpr_lut_to_dense: expected palettes of numbers, found vectors; teach it to pipeline/formats/mil_ops.py")
    places = [np.arange(size).reshape([-1 if i == axis else 1 for i in range(indices.ndim)]) // (size // lut.shape[axis])
              for axis, size in enumerate(indices.shape)]
    return lut[(*places, indices, 0)]


MOVES: dict[str, Callable[..., Array]] = {
    "reshape": _reshape,
    "transpose": lambda x, perm: x.transpose(perm.tolist()),
    "slice_by_index": _slice,
    "gather": _gather,
    "concat": _concat,
    "select": lambda cond, a, b: np.where(cond, a, b),
    "expand_dims": lambda x, axes: np.expand_dims(x, tuple(axes.tolist())),
    "squeeze": lambda x, axes=None: np.squeeze(x, None if axes is None else tuple(axes.tolist())),
    "identity": lambda x: x,
}
"""Operations whose result holds no number that was not in an input: nothing to round."""

OPERATIONS: dict[str, Callable[..., Array]] = {
    **MOVES,
    "linear": _linear,
    "matmul": _matmul,
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "real_div": lambda x, y: x / y,
    "maximum": lambda x, y: np.maximum(x, y),
    "minimum": lambda x, y: np.minimum(x, y),
    "abs": lambda x: np.abs(x),
    "exp": lambda x: np.exp(x),
    "sqrt": lambda x: np.sqrt(x),
    "rsqrt": lambda x, epsilon=0.0: 1 / np.sqrt(x + epsilon),
    "sigmoid": _sigmoid,
    "silu": lambda x: x * _sigmoid(x),
    "softmax": _softmax,
    "reduce_mean": _reduced(np.mean),
    "reduce_sum": _reduced(np.sum),
    "reduce_max": _reduced(np.max),
    "greater_equal": lambda x, y: np.greater_equal(x, y),
    "cast": _cast,
    "constexpr_blockwise_shift_scale": _blockwise,
    "constexpr_lut_to_dense": _lookup,
}
