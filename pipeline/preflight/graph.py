"""What a preflight looks at: a model's operations with their types and shapes, whatever file they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

Shape = tuple[int | None, ...]
FLOATS = ("fp16", "fp32", "fp64", "bf16")


@dataclass(frozen=True)
class Value:
    """A tensor.  shape: None for an axis that is not fixed.  external: a constant kept in a file beside the graph."""

    name: str
    type: str
    shape: Shape
    constant: bool = False
    external: bool = False


@dataclass(frozen=True)
class Operation:
    """One operation.  macs: multiply-accumulates, 0 where it multiplies no matrices."""

    name: str
    kind: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    macs: int = 0


class Broken(NamedTuple):
    """A rule, and what was found instead, in words."""

    rule: str
    found: str


@dataclass(frozen=True)
class Kept:
    """An operation that stays off the Neural Engine: the first rule it breaks, and where."""

    operation: Operation
    rule: str
    found: str


@dataclass(frozen=True)
class Preflight:
    """What would run on the Neural Engine.

    target: what hands the operations over.  partitions: pieces without a gap that it would take, each a hand-over there and back.
    """

    target: str
    operations: tuple[Operation, ...]
    kept: tuple[Kept, ...]
    partitions: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return sum(operation.macs for operation in self.operations)

    @property
    def share(self) -> float:
        """Share of the multiply-accumulates that the Neural Engine would take, in [0, 1]; 0 for a graph without any."""
        lost = sum(one.operation.macs for one in self.kept)
        return 1 - lost / self.macs if self.macs else 0.0

    @property
    def idle(self) -> list[Kept]:
        """The operations that multiply matrices, and would do so elsewhere."""
        return [one for one in self.kept if one.operation.macs]
