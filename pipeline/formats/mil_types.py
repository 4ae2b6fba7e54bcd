"""The number types of a Core ML program (MIL), as its protobuf, its weight file and numpy call them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class MilType(NamedTuple):
    """proto: DataType in MIL.proto; blob: the code in weight.bin, 0 for none; bits: of a stored element; numpy: that holds it."""

    proto: int
    blob: int
    bits: int
    numpy: type


TYPES = {
    "bool": MilType(1, 0, 8, np.bool_), "string": MilType(2, 0, 0, np.str_),
    "fp16": MilType(10, 1, 16, np.float16), "fp32": MilType(11, 2, 32, np.float32), "fp64": MilType(12, 0, 64, np.float64),
    "int8": MilType(21, 4, 8, np.int8), "int16": MilType(22, 6, 16, np.int16), "int32": MilType(23, 14, 32, np.int32),
    "int64": MilType(24, 0, 64, np.int64), "int4": MilType(25, 8, 4, np.int8),
    "uint8": MilType(31, 3, 8, np.uint8), "uint16": MilType(32, 7, 16, np.uint16), "uint32": MilType(33, 15, 32, np.uint32),
    "uint64": MilType(34, 0, 64, np.uint64), "uint4": MilType(35, 11, 4, np.uint8), "uint2": MilType(36, 10, 2, np.uint8),
    "uint1": MilType(37, 9, 1, np.uint8), "uint6": MilType(38, 13, 6, np.uint8), "uint3": MilType(39, 12, 3, np.uint8),
}
NAMES = {type_.proto: name for name, type_ in TYPES.items()}


def stored_bytes(dtype: str, count: int) -> int:
    """Bytes that ``count`` elements take, those of less than 8 bits packed without gaps."""
    return -(-count * TYPES[dtype].bits // 8)


def unpack(dtype: str, raw: np.ndarray, count: int) -> np.ndarray:
    """uint8 [stored_bytes] -> [count] of the type's numpy type; without a copy where elements are whole bytes."""
    bits = TYPES[dtype].bits
    if bits >= 8:
        return raw.view(TYPES[dtype].numpy)
    each = np.unpackbits(raw, count=count * bits, bitorder="little").reshape(count, bits)
    values = np.packbits(each, axis=1, bitorder="little")[:, 0]
    return (values << 4).view(np.int8) >> 4 if dtype == "int4" else values
