"""Executes a function of a Core ML program operation by operation, each result in the type that the file declares for it.

This shows what the file means, and whether its numbers stay in range; not that Core ML compiles it, nor how fast it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.errors import EdgeError
from pipeline.formats.mil_ops import MOVES, NUMPY, OPERATIONS, Array, to_fp16
from pipeline.formats.mlpackage import Constant, Function, Operation, Tensor

KEPT = 64_000_000  # bytes of constants up to which they are kept ready; larger ones are made when they are used

Value = Callable[[], Array]  # of a constant, kept or made anew
Operand = str | Value | list[str | Value]


@dataclass(frozen=True)
class _Step:
    """An operation that depends on the function's inputs.  ``done``: names that nothing needs after it."""

    operation: Operation
    inputs: dict[str, Operand]
    done: tuple[str, ...]


class Interpreter:
    """One function, ready to run on its inputs; threads may run it at once.

    ``faults``: names of tensors that went beyond fp16 ("overflow") or were NaN or infinite in float32 ("not finite") in any run.
    """

    def __init__(self, function: Function) -> None:
        self.faults: dict[str, str] = {}
        self._function, self._constants = function, dict[str, Value]()
        self._keep = sum(each.stored for op in function.operations for each in _constants_of(op)) <= KEPT
        steps = []
        for operation in function.operations:
            if operation.kind == "const":
                self._constants[operation.outputs[0].name] = self._value(operation.attributes["val"])
            elif operation.kind not in OPERATIONS or len(operation.outputs) != 1:
                raise EdgeError(f"{function.name}: expected operations of {', '.join(sorted(OPERATIONS))}, found {operation.kind} at "
                                f"{operation.name}; teach it to pipeline/formats/mil_ops.py")
            else:
                inputs = {key: self._operand(key, bound) for key, bound in operation.inputs.items()}
                if _names(inputs):
                    steps.append((operation, inputs))
                else:
                    self._constants[operation.name] = self._folded(operation, inputs)
        self._steps = _with_last_uses(steps, function.outputs)

    def run(self, given: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name, floating-point ones in float32; EdgeError when an input has another shape or type than declared."""
        values: dict[str, Array] = {tensor.name: _checked(given.get(tensor.name), tensor) for tensor in self._function.inputs}
        with np.errstate(all="ignore"):  # what goes out of range is told by ``faults``
            for step in self._steps:
                inputs = {key: _get(bound, values) for key, bound in step.inputs.items()}
                values[step.operation.name] = self._compute(step.operation, inputs)
                for name in step.done:
                    values.pop(name, None)
        return {name: _get(name if name in values else self._constants[name], values) for name in self._function.outputs}

    def constants(self) -> Mapping[str, Value]:
        """What makes each constant, by name; those that are stored in fewer bits also as the values that they stand for."""
        return self._constants

    def _compute(self, operation: Operation, inputs: dict[str, Any]) -> Array:
        tensor = operation.outputs[0]
        try:
            result = np.asarray(OPERATIONS[operation.kind](**inputs))
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            raise EdgeError(f"{operation.kind} {operation.name}: expected inputs that it takes, found {error}; "
                            "export the model again") from None
        if result.shape != tensor.shape:
            raise EdgeError(f"{operation.kind} {operation.name}: expected the declared shape {tensor.shape}, found {result.shape}; "
                            "export the model again")
        return result if operation.kind in MOVES and result.dtype == NUMPY.get(tensor.dtype) else self._declared(result, tensor)

    def _declared(self, values: Array, tensor: Tensor) -> Array:
        """The values in the tensor's own type; notes those that it cannot hold."""
        if tensor.dtype not in NUMPY:
            raise EdgeError(f"{tensor.name}: expected one of {', '.join(NUMPY)}, found {tensor.dtype}; "
                            "teach it to pipeline/formats/mil_ops.py")
        if tensor.dtype not in ("fp16", "fp32"):
            return values.astype(NUMPY[tensor.dtype], copy=False)
        values = values.astype(np.float32, copy=False)
        held, fine = to_fp16(values) if tensor.dtype == "fp16" else (values, bool(np.isfinite(values).all()))
        if not fine:
            self.faults[tensor.name] = "overflow" if np.isfinite(values).all() else "not finite"
        return held

    def _operand(self, key: str, bound: Sequence[str | Constant]) -> Operand:
        found: list[str | Value] = [self._value(each) if isinstance(each, Constant) else self._constants.get(each, each) for each in bound]
        return found if key == "values" else found[0]  # concat alone takes several

    def _value(self, constant: Constant) -> Value:
        def make() -> Array:
            values = constant.array()
            return values.astype(np.float32) if constant.dtype == "fp16" else values

        return self._kept(make)

    def _folded(self, operation: Operation, inputs: dict[str, Operand]) -> Value:
        """What is computed from constants alone, such as a weight that is stored in 8 bits."""
        return self._kept(lambda: self._compute(operation, {key: _get(bound, {}) for key, bound in inputs.items()}))

    def _kept(self, make: Value) -> Value:
        if not self._keep:
            return make
        with np.errstate(all="ignore"):
            values = make()
        return lambda: values


def _constants_of(operation: Operation) -> list[Constant]:
    return [*operation.attributes.values(), *(each for bound in operation.inputs.values() for each in bound if isinstance(each, Constant))]


def _names(inputs: Mapping[str, Operand]) -> set[str]:
    return {each for bound in inputs.values() for each in (bound if isinstance(bound, list) else [bound]) if isinstance(each, str)}


def _with_last_uses(steps: Sequence[tuple[Operation, dict[str, Operand]]], outputs: Sequence[str]) -> list[_Step]:
    later, found = set(outputs), []
    for operation, inputs in reversed(steps):
        done = _names(inputs) - later
        later |= done
        found.append(_Step(operation, inputs, tuple(done)))
    return found[::-1]


def _get(bound: Operand, values: Mapping[str, Array]) -> Any:
    if isinstance(bound, str):
        return values[bound]
    return [_get(each, values) for each in bound] if isinstance(bound, list) else bound()


def _checked(values: Array | None, tensor: Tensor) -> Array:
    if values is None or values.shape != tensor.shape or values.dtype != NUMPY.get(tensor.dtype):
        found = "none" if values is None else f"{values.dtype} {values.shape}"
        raise EdgeError(f"expected the input {tensor.name} as {tensor.dtype} {tensor.shape}, found {found}; export the model again")
    return values
