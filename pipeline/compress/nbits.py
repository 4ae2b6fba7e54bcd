"""Weights of a few bits in groups, as ONNX Runtime's operators MatMulNBits and GatherBlockQuantized take them.

ONNX Runtime's quantiser does the arithmetic; the nodes are made here, because its own HQQ drops the accuracy level, its
k-quant knows 4 bits alone and fails on an odd number of groups, and its embeddings need opset 21.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper

from pipeline.compress.onnx_weights import pack, ungrouped
from pipeline.compress.settings.int4 import Method
from pipeline.errors import EdgeError
from pipeline.quiet import quiet

DOMAIN = "com.microsoft"
_INT8_ACTIVATIONS = 4  # MatMulNBits' accuracy_level


@dataclass(frozen=True)
class Form:
    """How a matrix is kept: bits a weight, weights a scale, how codes are chosen, and what activations it is multiplied with."""

    bits: int
    group: int
    method: Method = "rtn"
    symmetric: bool = False
    int8_activations: bool = False

    @property
    def stored_bits(self) -> float:
        """Bits a weight takes with its share of scale and zero point."""
        zero = 0 if self.symmetric else 32 if self.method == "hqq" else self.bits
        return self.bits + (32 + zero) / self.group


class Grouped(NamedTuple):
    """A matrix [rows, width] in groups along its width.

    codes: uint8 [rows, groups, bytes of a group].  scales: float32 [rows, groups].  zeros: uint8 [rows, bytes], float32
    [rows, groups] of HQQ, or None where the middle code stands for 0.
    """

    codes: np.ndarray
    scales: np.ndarray
    zeros: np.ndarray | None
    form: Form

    @property
    def values(self) -> np.ndarray:
        """float32 [rows, width]."""
        return ungrouped(self.codes, self.scales, self.zeros, self.form.bits, self.form.group)

    def tensors(self, name: str, *, table: bool = False) -> list[onnx.TensorProto]:
        """Codes (of a table [rows, bytes]), scales and zeros, called as ONNX Runtime calls what it makes of the weight ``name``."""
        codes = self.codes.reshape(len(self.codes), -1) if table else self.codes
        named = {f"{name}_Q{self.form.bits}": codes, f"{name}_scales": self.scales, f"{name}_zero_points": self.zeros}
        return [numpy_helper.from_array(array, key) for key, array in named.items() if array is not None]


def quantise(matrix: np.ndarray, form: Form, name: str = "the matrix") -> Grouped:
    """A matrix float32 [rows, width]; EdgeError where the group does not divide the width."""
    rows, width = matrix.shape
    if width % form.group:
        raise EdgeError(f"group: expected one that divides every matrix's input width, found {form.group} for {name} with "
                        f"{width}; set a smaller group")
    blocks, bits = width // form.group, form.bits
    with quiet():
        if form.method == "rtn":
            from onnxruntime.quantization import matmul_nbits_quantizer as library

            config = library.DefaultWeightOnlyQuantConfig(block_size=form.group, is_symmetric=form.symmetric, bits=bits)
            codes, scales, packed = library.DefaultWeightOnlyQuantizer(config).qbits_block_quant(np.ascontiguousarray(matrix.T))
            return Grouped(codes, scales, None if form.symmetric else packed, form)
        if form.method == "hqq":
            return _hqq(matrix, form)
        from onnxruntime.quantization.neural_compressor.weight_only import quant_tensor_k_quant_cpu

        codes, scales, zeros = quant_tensor_k_quant_cpu(matrix, bits, form.group)
    packed = pack(codes.reshape(rows, width).astype(np.uint8), bits).reshape(rows, blocks, -1)
    return Grouped(packed, scales.reshape(rows, blocks).astype(np.float32), pack(zeros.reshape(rows, blocks), bits), form)


def _hqq(matrix: np.ndarray, form: Form) -> Grouped:
    """Half-quadratic quantisation, mobiusml.github.io/hqq_blog: zero points that fit weights with outliers better."""
    import torch
    from onnxruntime.quantization import matmul_nbits_quantizer as library

    config = library.HQQWeightOnlyQuantConfig(block_size=form.group, bits=form.bits)
    codes, scales, zeros = library.HQQWeightOnlyQuantizer(config).quantize_internal(
        torch.tensor(matrix), bits=form.bits, group_size=form.group)
    packed = pack(codes.numpy().astype(np.uint8), form.bits).reshape(len(matrix), matrix.shape[1] // form.group, -1)
    return Grouped(packed, scales.numpy(), zeros.numpy(), form)


def rewrite(model: onnx.ModelProto, forms: Mapping[str, Form | Grouped]) -> int:
    """Put the named weights [width, rows] of matrix products and tables [rows, width] of look-ups into their forms.

    A weight that is given in groups already is put in as it is.

    How many nodes were replaced; a plain weight that nothing uses any more is removed.
    """
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    made: dict[str, list[onnx.TensorProto]] = {}
    replaced = 0
    for node in graph.node:
        place = {"MatMul": 1, "Gather": 0}.get(node.op_type)
        if place is None or (name := node.input[place]) not in forms:
            continue
        matrix = numpy_helper.to_array(weights[name])
        given, replaced = forms[name], replaced + 1
        form = given if isinstance(given, Form) else given.form
        if name not in made:
            grouped = quantise(matrix.T if place else matrix, given, name) if isinstance(given, Form) else given
            made[name] = grouped.tensors(name, table=not place)
        node.CopyFrom(_product(node, form, matrix.shape, made[name]) if place else _look_up(node, form, made[name]))
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend([*kept, *(tensor for tensors in made.values() for tensor in tensors)])
    if made and DOMAIN not in {known.domain for known in model.opset_import}:
        model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    return replaced


def tables(graph: onnx.GraphProto) -> list[str]:
    """The names of the embeddings: constant float matrices that a Gather looks rows up in."""
    constant = {tensor.name for tensor in graph.initializer if len(tensor.dims) == 2 and tensor.data_type == onnx.TensorProto.FLOAT}
    return sorted({node.input[0] for node in graph.node if node.op_type == "Gather"} & constant)


def _product(node: onnx.NodeProto, form: Form, shape: tuple[int, ...], tensors: list[onnx.TensorProto]) -> onnx.NodeProto:
    level = {"accuracy_level": _INT8_ACTIVATIONS} if form.int8_activations else {}
    return helper.make_node("MatMulNBits", [node.input[0], *(tensor.name for tensor in tensors)], list(node.output), node.name,
                            domain=DOMAIN, K=shape[0], N=shape[1], bits=form.bits, block_size=form.group, **level)


def _look_up(node: onnx.NodeProto, form: Form, tensors: list[onnx.TensorProto]) -> onnx.NodeProto:
    codes, scales, *zeros = (tensor.name for tensor in tensors)
    return helper.make_node("GatherBlockQuantized", [codes, node.input[1], scales, *zeros], list(node.output), node.name,
                            domain=DOMAIN, bits=form.bits, block_size=form.group, gather_axis=0, quantize_axis=1)
