"""The weights in an ONNX file as the float32 values they stand for, whatever form they are kept in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

_FORM = re.compile(r"(_DQ)?_(Q\d(G\d+)?|quantized)$")  # as ONNX Runtime's quantisers call what they make of a weight
_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
_USERS = ("MatMul", "Gemm", "Gather", "Cast")


def dense_weights(file: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(name, float32 values) of every weight of the exported model, by the name that it had in the fp32 graph.

    A weight is what a matrix product or a table look-up takes; norms and tables of positions are not among them.
    """
    graph = onnx.load(str(file)).graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    done: set[str] = set()
    for node in graph.node:
        for place, name in enumerate(node.input[:2]):
            if name not in tensors or name in done or len(tensors[name].dims) < 2:
                continue
            values = _values(node, place, tensors)
            if values is not None:
                done.add(name)
                yield _FORM.sub("", name), np.ascontiguousarray(values, np.float32)


def ungrouped(codes: np.ndarray, scales: np.ndarray, zeros: np.ndarray | None, bits: int, group: int) -> np.ndarray:
    """Values [rows, width] of packed codes, the lowest bits first.

    codes: uint8 [rows, ...], width * bits / 8 bytes a row.  scales: [rows, width / group].  zeros: packed as the codes, or
    one float a scale; None is the middle code.
    """
    rows, blocks = scales.shape
    values = unpack(codes.reshape(rows, -1), bits).reshape(rows, blocks, group)
    if zeros is None:
        zeros = np.full_like(scales, 2 ** (bits - 1))
    elif zeros.dtype == np.uint8:
        zeros = unpack(zeros.reshape(rows, -1), bits)[:, :blocks]
    return ((values - zeros.reshape(rows, blocks, 1).astype(np.float32)) * scales[..., None]).reshape(rows, -1)


def unpack(packed: np.ndarray, bits: int) -> np.ndarray:
    """uint8 [rows, bytes] -> uint8 [rows, bytes * 8 / bits], the lowest bits first."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return (packed[..., None] >> shifts & (2**bits - 1)).reshape(len(packed), -1)


def pack(codes: np.ndarray, bits: int) -> np.ndarray:
    """The inverse of ``unpack``; a row that ends within a byte is filled with zeros."""
    each = 8 // bits
    filled = np.pad(codes, ((0, 0), (0, -codes.shape[1] % each))).reshape(len(codes), -1, each).astype(np.uint8)
    return np.bitwise_or.reduce(filled << np.arange(0, 8, bits, dtype=np.uint8), axis=2).astype(np.uint8)


def _values(node: onnx.NodeProto, place: int, tensors: dict[str, onnx.TensorProto]) -> np.ndarray | None:
    """The values of a node's input; None for one that is no weight."""
    name, given = node.input[place], {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}

    def array(of: str) -> np.ndarray | None:
        return numpy_helper.to_array(tensors[of]) if of in tensors else None

    if node.op_type == "MatMulNBits":
        zeros = array(node.input[3]) if len(node.input) > 3 else None
        return ungrouped(array(name), array(node.input[2]), zeros, given["bits"], given["block_size"])[:, : given["K"]].T
    if node.op_type == "GatherBlockQuantized":
        zeros = array(node.input[3]) if len(node.input) > 3 else None
        return _gathered(array(name), array(node.input[2]), zeros, given.get("bits", 4), given["block_size"])
    if node.op_type == "DequantizeLinear":
        if place:
            return None  # scales by block
        zeros = array(node.input[2]) if len(node.input) > 2 else None
        return _linear(array(name), array(node.input[1]), zeros, given.get("axis", 1), given.get("block_size", 0))
    if tensors[name].data_type in _FLOATS:
        return array(name) if node.op_type in _USERS else None
    stem = name.removesuffix("_quantized")
    if name == stem or (scale := array(f"{stem}_scale")) is None:
        return None
    return _linear(array(name), scale, array(f"{stem}_zero_point"), -1, 0)


def _gathered(codes: np.ndarray, scales: np.ndarray, zeros: np.ndarray | None, bits: int, group: int) -> np.ndarray:
    if codes.dtype == np.uint8:
        return ungrouped(codes, scales, zeros, bits, group)
    return _linear(codes, scales, zeros, 1, group)  # 4-bit element types, unpacked as they are read


def _linear(codes: np.ndarray, scale: np.ndarray, zero: np.ndarray | None, axis: int, block: int) -> np.ndarray:
    """(codes - zero) * scale: one scale, one along ``axis``, or one for every ``block`` along it."""
    def spread(value: np.ndarray) -> np.ndarray:
        value = value.astype(np.float32)
        if block:
            return np.repeat(value, block, axis)
        return value if value.size == 1 else value.reshape([-1 if i == axis % codes.ndim else 1 for i in range(codes.ndim)])

    return (codes.astype(np.float32) - (0 if zero is None else spread(zero))) * spread(scale)
