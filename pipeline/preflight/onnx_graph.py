"""What ONNX Runtime's CoreML provider would hand to the Neural Engine: its own checker, and the rules that it does not know."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper
from onnx.external_data_helper import load_external_data_for_tensor, uses_external_data
from onnxruntime.tools.mobile_helpers import usability_checker
from onnxruntime.tools.onnx_model_utils import make_dim_param_fixed
from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference

from pipeline.errors import EdgeError
from pipeline.preflight.graph import Broken, Kept, Operation, Preflight, Value
from pipeline.preflight.rules import against_limits

TARGET = "CoreML provider of ONNX Runtime"
SHAPES = Broken("fixed shapes", "an input without one")
RANK = 5  # of the provider itself (ONNX Runtime, usability_checker.check_coreml_partitions)
SMALL = 65_536  # elements; a constant that shapes may follow from is smaller
TYPES = {TensorProto.FLOAT16: "fp16", TensorProto.FLOAT: "fp32", TensorProto.DOUBLE: "fp64", TensorProto.BFLOAT16: "bf16"}
UNCOUNTED = ("Einsum", "Attention", "MultiHeadAttention", "PackedAttention", "ConvTranspose", "ConvInteger", "QLinearConv", "FusedConv",
             "LSTM", "GRU", "RNN", "MoE", "QMoE", "If", "Loop", "Scan")
PRODUCTS = ("MatMul", "FusedMatMul", "MatMulInteger", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QLinearMatMul",
            "MatMulNBits")


def onnx_preflight(file: Path, length: int) -> Preflight:
    """What would run where at ``length`` tokens; EdgeError for a file that is no ONNX model, or whose shapes cannot be told.

    Weights are not read.
    """
    model = _with_shapes(file, length)
    operations = _operations(model.graph, file)
    checker = _Checker(operations)
    found = usability_checker.check_partitioning(model.graph, checker, require_fixed_input_sizes=True, max_rank=RANK)
    taken = {node.name for group in found.supported_groups for node in group}
    kept = [Kept(operation, *(checker.why_not(operation) or SHAPES)) for name, operation in operations.items() if name not in taken]
    return Preflight(TARGET, tuple(operations.values()), tuple(kept), found.num_partitions)


def _operations(graph: onnx.GraphProto, file: Path) -> dict[str, Operation]:
    values = _values(graph)
    try:
        return {node.name: _operation(node, values) for node in graph.node}
    except (AttributeError, IndexError, TypeError) as error:
        raise EdgeError(f"{file}: expected a shape of every product's inputs and outputs, found none of one ({error}); export it "
                        "again") from None


class _Checker(usability_checker._SupportedOpsChecker):
    """ONNX Runtime's list of what its provider knows, and what else stands against a node."""

    def __init__(self, operations: dict[str, Operation]) -> None:
        super().__init__(Path(usability_checker.__file__).with_name("coreml_supported_mlprogram_ops.md"))
        self._operations = operations

    def is_op_supported(self, node: onnx.NodeProto) -> bool:
        operation = self._operations.get(node.name)  # none for one inside a branch
        return operation is not None and self.why_not(operation) is None

    def why_not(self, operation: Operation) -> Broken | None:
        if operation.kind not in self._ops:
            return Broken("operations that the provider knows", operation.kind)
        if outside := [value.name for value in operation.inputs if value.external]:
            return Broken("weights inside the graph", f"{outside[0]} in a file of its own")
        return against_limits(operation)


def _with_shapes(file: Path, length: int) -> onnx.ModelProto:
    try:
        model = onnx.load(str(file), load_external_data=False)
        if not model.graph.node:
            raise ValueError("a graph without operations")
        _ready(model, file, length)
        return _inferred(model)
    except Exception as error:  # protobuf, onnx and the inference each raise their own kinds, AssertionError among them
        reason = str(error).strip().splitlines()
        raise EdgeError(f"{file}: expected an ONNX model whose shapes can be told at {length} tokens, found "
                        f"{reason[0][:120] if reason else type(error).__name__}; export it again") from error


def _inferred(model: onnx.ModelProto) -> onnx.ModelProto:
    """With shapes.  Since their axes are an input, the inference knows no reduction but the sum; all leave the same shape."""
    reductions = {node.name: node.op_type for node in model.graph.node if node.op_type.startswith("Reduce")}
    _rename(model, dict.fromkeys(reductions, "ReduceSum"))
    inferred = SymbolicShapeInference.infer_shapes(model, auto_merge=True)
    _rename(inferred, reductions)
    return inferred


def _rename(model: onnx.ModelProto, kinds: dict[str, str]) -> None:
    for node in model.graph.node:
        node.op_type = kinds.get(node.name, node.op_type)


def _ready(model: onnx.ModelProto, file: Path, length: int) -> None:
    """Fixed lengths, node names, and small constants in place."""
    for value in model.graph.input:
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param:
                make_dim_param_fixed(model.graph, axis.dim_param, length)
    names: set[str] = set()
    for number, node in enumerate(model.graph.node):
        if not node.name or node.name in names:
            node.name = f"{node.name or node.op_type}#{number}"
        names.add(node.name)
    for tensor in model.graph.initializer:
        if uses_external_data(tensor) and math.prod(tensor.dims) <= SMALL:
            load_external_data_for_tensor(tensor, str(file.parent))
    packed = {node.input[0]: _attributes(node)["bits"] for node in model.graph.node if node.op_type == "GatherBlockQuantized"}
    for tensor in model.graph.initializer:
        if tensor.name in packed and tensor.data_type == TensorProto.UINT8:  # the inference takes packed bytes for values
            tensor.dims[-1] *= 8 // packed[tensor.name]


def _values(graph: onnx.GraphProto) -> dict[str, Value]:
    found = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        shape = tuple(axis.dim_value if axis.HasField("dim_value") else None for axis in tensor.shape.dim)
        found[value.name] = Value(value.name, _type(tensor.elem_type), shape)
    for tensor in graph.initializer:
        found[tensor.name] = Value(tensor.name, _type(tensor.data_type), tuple(tensor.dims), True, uses_external_data(tensor))
    return found


def _type(number: int) -> str:
    return TYPES.get(number) or TensorProto.DataType.Name(number).lower()


def _operation(node: onnx.NodeProto, values: dict[str, Value]) -> Operation:
    inputs, outputs = ([values.get(name) for name in names] for names in (node.input, node.output))
    count = MACS.get(node.op_type)
    return Operation(node.name, f"{node.domain or 'ai.onnx'}:{node.op_type}", tuple(filter(None, inputs)), tuple(filter(None, outputs)),
                     count(inputs, outputs) if count else 0)


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _size(value: Value | None) -> int:
    """Elements; an axis that is not known counts once."""
    return math.prod(size or 1 for size in value.shape) if value else 0


def _product(inputs: Sequence[Value | None], outputs: Sequence[Value | None]) -> int:
    return _size(outputs[0]) * (inputs[0].shape[-1] or 1)


def _gemm(inputs: Sequence[Value | None], outputs: Sequence[Value | None]) -> int:
    """One of them may be turned: what is summed is what the first has beside the rows of the result."""
    return _size(outputs[0]) * (_size(inputs[0]) // (outputs[0].shape[0] or 1))


def _at_least(inputs: Sequence[Value | None], outputs: Sequence[Value | None]) -> int:
    """Of what is not counted: no less than one for each number that comes out."""
    return max(1, _size(outputs[0]))


def _convolution(inputs: Sequence[Value | None], outputs: Sequence[Value | None]) -> int:
    return _size(outputs[0]) * _size(inputs[1]) // (inputs[1].shape[0] or 1)


def _attention(inputs: Sequence[Value | None], outputs: Sequence[Value | None]) -> int:
    """Scores, and their mixture of the values: each the queries times the keys there are by then."""
    return 2 * _size(inputs[0]) * (outputs[1].shape[2] or 1)


Count = Callable[[Sequence[Value | None], Sequence[Value | None]], int]
MACS: dict[str, Count] = {**dict.fromkeys(UNCOUNTED, _at_least), **dict.fromkeys(PRODUCTS, _product), "Gemm": _gemm, "Conv": _convolution,
                          "GroupQueryAttention": _attention}
