"""What a quantised checkpoint says of its tensors, told in V2's columns; the tensors themselves stay as they are.

Every tensor of the checkpoint is a row under its own name, scales and zero points too, so the way back is bit for bit.  The row of a
weight says in addition how it was quantised; its scales and zero points are repeated in float32 where they are one for the tensor,
for each output channel or for each group of inputs.  A weight is (code - zero point) · scale, with signed codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.formats.parquet.columns import Row, bits, quant_name
from pipeline.runtime.files import read_object

SCALE, ZERO_POINT = "_scale", "_zero_point"
PACKED, SHAPE, GPTQ = ".weight_packed", ".weight_shape", ".qweight"
CODES = ("int8", "float8_e4m3fn", "float8_e5m2")


def method(directory: Path, rows: Iterable[Row]) -> str | None:
    """quant_method of the configuration; `unknown` where the weights alone show that they are quantised; None where nothing does."""
    if told := _configuration(directory).get("quant_method"):
        return str(told)
    names = {row.name: row.dtype for row in rows}
    quantised = any(name.endswith((PACKED, GPTQ)) or dtype in CODES for name, dtype in names.items())
    return "unknown" if quantised else None


def labelled(directory: Path, rows: list[Row]) -> Iterator[Row]:
    """The rows, those of quantised weights with quant_type, axis, group size and, where they fit the columns, scales."""
    config, by_name = _configuration(directory), {row.name: row for row in rows}
    groups = config.get("config_groups")
    weights = [one.get("weights") for one in groups.values()] if isinstance(groups, dict) else []
    widths = [one["num_bits"] for one in weights if one and isinstance(one.get("num_bits"), int)] or [4, 8, 2, 3, 5, 6]
    for row in rows:
        if row.name.endswith(PACKED):
            yield _packed(row, by_name, widths)
        elif row.name.endswith(GPTQ):
            yield replace(row, quant_type=f"int{config.get('bits', config.get('w_bit', 4))}", quant_axis=len(row.shape) - 1)
        elif row.dtype in CODES and len(row.shape) == 2:
            yield _scaled(replace(row, quant_type=quant_name(row.dtype)), by_name, row.shape[1])
        else:
            yield row


def _packed(row: Row, by_name: Mapping[str, Row], widths: Iterable[int]) -> Row:
    """A matrix of compressed-tensors: each row's codes one after the other in words of 32 bits, of one of the widths."""
    shape = by_name.get(row.name.removesuffix(PACKED) + SHAPE)
    if shape is None or shape.dtype not in _NUMPY or not shape.num_params or row.dtype != "int32" or len(row.shape) != 2:
        return replace(row, quant_type="fp4" if row.dtype == "uint8" else "packed")
    inputs = int(np.frombuffer(_bytes(shape), _NUMPY[shape.dtype])[-1])
    width = next((width for width in widths if ceil(inputs * width / 32) == row.shape[1]), None)
    if width is None:
        return replace(row, quant_type="packed")
    return _scaled(replace(row, quant_type=f"int{width}"), by_name, inputs)


def _scaled(row: Row, by_name: Mapping[str, Row], inputs: int) -> Row:
    """With the scales of the matrix, [outputs, groups] of ``inputs``; without where there are none or they have another form."""
    weight = row.name.removesuffix("_packed")
    scale, zero = by_name.get(weight + SCALE), by_name.get(weight + ZERO_POINT)
    if scale is None or scale.dtype not in _WIDENED:
        return row
    outputs, groups = row.shape[0], 1 if len(scale.shape) < 2 else scale.shape[1]
    if scale.num_params == 1 and outputs != 1:
        row = replace(row, quant_axis=-1)
    elif scale.num_params == outputs * groups and inputs % groups == 0:
        row = replace(row, quant_axis=0, group_size=0 if groups == 1 else inputs // groups)
    else:
        return row
    return replace(row, scales=_widened(scale).tobytes(), zero_points=None if zero is None else _zero_points(zero, scale, row))


def _zero_points(zero: Row, scale: Row, row: Row) -> bytes | None:
    """float32 in the order of the scales; packed ones lie along the outputs, raised to be positive."""
    if zero.dtype == "int8" and zero.num_params == scale.num_params:
        return np.frombuffer(_bytes(zero), np.int8).astype(np.float32).tobytes()
    width, outputs = bits(row.quant_type or row.dtype), row.shape[0]
    if zero.dtype != "int32" or len(zero.shape) != 2 or zero.shape[0] != ceil(outputs * width / 32):
        return None
    words = np.frombuffer(_bytes(zero), "<u4").reshape(zero.shape).T.copy()
    ones = np.unpackbits(words.view(np.uint8), axis=1, count=outputs * width, bitorder="little").reshape(-1, outputs, width)
    return ((ones @ (1 << np.arange(width))).T - 2 ** (width - 1)).astype("<f4").tobytes()


_NUMPY = {"int64": "<i8", "int32": "<i4"}
_WIDENED = {"float32": "<f4", "float16": "<f2", "bfloat16": "<u2"}


def _widened(row: Row) -> np.ndarray:
    values = np.frombuffer(_bytes(row), _WIDENED[row.dtype])
    return (values.astype("<u4") << 16).view("<f4") if row.dtype == "bfloat16" else values.astype("<f4")


def _bytes(row: Row) -> bytes:
    return b"".join(row.pieces())


def _configuration(directory: Path) -> dict[str, Any]:
    file = directory / "config.json"
    found = read_object(file, "a model's configuration").get("quantization_config") if file.is_file() else None
    return found if isinstance(found, dict) else {}
