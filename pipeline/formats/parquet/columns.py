"""One tensor as a row: the columns of V1 and V2, and what a row must hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil, prod

from pipeline.errors import EdgeError

V1 = ("layer_name", "shape", "dtype", "data", "num_params")
V2 = (*V1, "quant_type", "scales", "zero_points", "quant_axis", "group_size")
PIECE = 8 << 20
"""Bytes that are held at a time."""

SAFETENSORS = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "complex64": "C64",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0", "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ", "float6_e2m3fn": "F6_E2M3", "float6_e3m2fn": "F6_E3M2", "float4_e2m1fn": "F4",
    "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
    "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
}
"""Names of types as they stand in the column dtype (torch's), and those of safetensors."""
DTYPES = {kind: name for name, kind in SAFETENSORS.items()}
_ALIASES = {"fp64": "float64", "fp32": "float32", "fp16": "float16", "bf16": "bfloat16", "half": "float16", "float": "float32"}
_QUANT_NAMES = {"float64": "fp64", "float32": "fp32", "float16": "fp16", "bfloat16": "bf16",
                "float8_e4m3fn": "fp8_e4m3", "float8_e5m2": "fp8_e5m2"}
_DIGITS = re.compile(r"\d+")
_LONGEST = 1024

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True)
class Row:
    """A tensor.  ``data``: its bytes as stored, little-endian and in C order, or an iterable that gives them in pieces each time.

    scales, zero_points: float32 bytes.  quant_axis: the axis along which they differ, -1 for one of the whole tensor.
    group_size: inputs (last axis) that share one, 0 for all of them.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    data: Buffer | Iterable[memoryview]
    quant_type: str | None = None
    scales: bytes | None = None
    zero_points: bytes | None = None
    quant_axis: int = -1
    group_size: int = 0

    @property
    def num_params(self) -> int:
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """What ``data`` must hold."""
        return ceil(self.num_params * bits(self.dtype) / 8)

    def pieces(self) -> Iterator[memoryview]:
        """``data`` in pieces of at most 8 MB or as it comes."""
        try:
            view = memoryview(self.data)  # type: ignore[arg-type]
        except TypeError:
            yield from self.data  # type: ignore[misc]
            return
        view = view.cast("B") if view.nbytes else memoryview(b"")
        yield from (view[at : at + PIECE] for at in range(0, len(view), PIECE))


def dtype_name(label: str) -> str:
    """The type that a label names: torch's name, with or without ``torch.``, or that of safetensors; EdgeError for another."""
    name = label.removeprefix("torch.")
    name = DTYPES.get(name, _ALIASES.get(name, name))
    if name not in SAFETENSORS:
        raise EdgeError(f"expected a type of weights such as bfloat16, found {label[:40]!r}; convert the tensor to one that is known")
    return name


def bits(dtype: str) -> int:
    """Of one weight, by the first number in the name of its type or quant_type: 8 for float8_e4m3fn."""
    found = _DIGITS.search(dtype)
    return int(found[0]) if found else 8  # bool


def quant_name(dtype: str) -> str:
    """The quant_type of a tensor that is stored as it is."""
    return _QUANT_NAMES.get(dtype, dtype)


def check_name(name: str) -> None:
    """EdgeError for a tensor's name that could be a path to elsewhere or is no plain text."""
    if not name or len(name) > _LONGEST or not name.isprintable() or name[0] in "/\\" or ".." in re.split(r"[/\\]", name):
        raise EdgeError(f"expected a plain tensor name, found {name[:80]!r}; do not use this model")


def check_scales(row: Row) -> None:
    """EdgeError unless scales and zero points are as many as ``shape``, ``quant_axis`` and ``group_size`` ask for."""
    for what, values in (("scales", row.scales), ("zero_points", row.zero_points)):
        if values is None:
            continue
        if what == "zero_points" and row.scales is None:
            raise EdgeError(f"{row.name}: expected scales beside its zero_points, found none; make the file again")
        if len(values) % 4 or len(values) // 4 not in (asked := _groups(row)):
            raise EdgeError(f"{row.name}: expected {' or '.join(map(str, asked))} {what} in float32 (shape {list(row.shape)}, "
                            f"axis {row.quant_axis}, group size {row.group_size}), found {len(values)} bytes; make the file again")


def _groups(row: Row) -> list[int]:
    """How many scales may be there: of codes that are packed in words, the last word of a row may be filled in part."""
    if row.quant_axis == -1 and row.group_size == 0:
        return [1]
    if not -1 <= row.quant_axis < len(row.shape) or row.group_size < 0:
        raise EdgeError(f"{row.name}: expected a quant_axis of shape {list(row.shape)} and a group_size of 0 or more, found "
                        f"{row.quant_axis} and {row.group_size}; make the file again")
    if row.group_size == 0:
        return [row.shape[row.quant_axis]]
    last = row.shape[-1] if row.shape else 1
    outer = row.num_params // last if last else 0
    word, width = bits(row.dtype), bits(row.quant_type or row.dtype)
    packed = row.dtype.startswith(("int", "uint")) and 0 < width < word
    inputs = range(word * (last - 1) // width + 1, word * last // width + 1) if packed else [last]
    return sorted({outer * ceil(count / row.group_size) for count in inputs})
