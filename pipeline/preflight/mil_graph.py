"""What Core ML would hand to the Neural Engine, read off a saved program."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from pathlib import Path

from pipeline.errors import EdgeError
from pipeline.formats.mlpackage import Constant, Function, read_mlpackage
from pipeline.formats.mlpackage import Operation as Stored
from pipeline.preflight.graph import Broken, Kept, Operation, Preflight, Value
from pipeline.preflight.rules import against_limits, rules

TARGET = "Core ML"
FIXED = ("const", "constexpr")  # what these say is known before a run
PRODUCTS = ("linear", "matmul", "conv")
UNCOUNTED = ("einsum", "scaled_dot_product_attention", "conv_transpose", "lstm", "gru", "rnn")


def mil_preflight(package: Path, length: int) -> Preflight:
    """What would run where, in the function for ``length`` tokens or the next more; EdgeError for a package that cannot be read."""
    function = _for_length(package, length)
    values = {tensor.name: Value(tensor.name, tensor.dtype, tensor.shape) for tensor in function.inputs}
    for stored in function.operations:
        for tensor in stored.outputs:
            values[tensor.name] = Value(tensor.name, tensor.dtype, tensor.shape, constant=stored.kind.startswith(FIXED))
    known = {stored.name: stored.attributes["val"] for stored in function.operations if stored.kind == "const"}
    operations = [_operation(stored, values, known) for stored in function.operations if not stored.kind.startswith(FIXED)]
    kept = {operation.name: Kept(operation, *broken) for operation in operations if (broken := _why_not(operation))}
    return Preflight(TARGET, tuple(operations), tuple(kept.values()), _partitions(operations, kept))


def _partitions(operations: Sequence[Operation], kept: Container[str]) -> int:
    """The fewest pieces for the Neural Engine: how often a path through the program enters it."""
    entered: dict[str, int] = {}  # tensor -> how often any path to it did; those that nothing computes are not in it
    off: set[str] = set()
    for operation in operations:
        before = max((entered.get(value.name, 0) for value in operation.inputs), default=0)
        if operation.name in kept:
            off.update(value.name for value in operation.outputs)
        else:
            after = max((entered[value.name] for value in operation.inputs if value.name in off), default=0) + 1
            before = max(before, after)
        entered.update((value.name, before) for value in operation.outputs)
    return max(entered.values(), default=0)


def _for_length(package: Path, length: int) -> Function:
    """Of functions that differ in the last axis of their inputs, the shortest that is long enough, or the longest."""
    program = read_mlpackage(package)
    long = {name: max((size or 0 for tensor in function.inputs for size in tensor.shape[-1:]), default=0)
            for name, function in program.functions.items()}
    enough = [name for name in long if long[name] >= length]
    return program.functions[min(enough, key=long.__getitem__) if enough else max(long, key=long.__getitem__)]


def _why_not(operation: Operation) -> Broken | None:
    if operation.kind not in rules().operations:
        return Broken("operations of the Neural Engine", operation.kind)
    return against_limits(operation)


def _operation(stored: Stored, values: dict[str, Value], known: dict[str, Constant]) -> Operation:
    inputs = tuple(values[name] for bound in stored.inputs.values() for name in bound if isinstance(name, str)
                   and values[name].type != "string")
    outputs = tuple(values[tensor.name] for tensor in stored.outputs)
    try:
        return Operation(stored.name, stored.kind, inputs, outputs, _macs(stored, values, known))
    except (IndexError, KeyError) as error:
        raise EdgeError(f"{stored.kind} {stored.name}: expected a product of constants and tensors that are there, found none of {error}; "
                        "export the package again") from None


def _macs(stored: Stored, values: dict[str, Value], known: dict[str, Constant]) -> int:
    """Elements of the result times what each of them sums over; of what is not counted, one for each."""
    if stored.kind not in (*PRODUCTS, *UNCOUNTED):
        return 0
    if stored.kind in UNCOUNTED:
        summed = 1
    elif stored.kind == "conv":
        summed = math.prod(size or 1 for size in _shape(stored, "weight", values)[1:])
    else:
        x = _shape(stored, "x", values)
        summed = x[-2] if _true(stored, "transpose_x", known) else x[-1]
    return math.prod(size or 1 for size in stored.outputs[0].shape) * (summed or 1)


def _true(stored: Stored, parameter: str, known: dict[str, Constant]) -> bool:
    return any(bool((one if isinstance(one, Constant) else known[one]).array()) for one in stored.inputs.get(parameter, ()))


def _shape(stored: Stored, parameter: str, values: dict[str, Value]) -> tuple[int | None, ...]:
    bound = stored.inputs.get(parameter, ())
    if len(bound) != 1 or not (shape := bound[0].shape if isinstance(bound[0], Constant) else values[bound[0]].shape):
        raise EdgeError(f"{stored.kind} {stored.name}: expected a tensor {parameter}, found none; export the package again")
    return shape
