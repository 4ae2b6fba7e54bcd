"""The documented limits of the Neural Engine, held against one operation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipeline.preflight.graph import FLOATS, Broken, Operation, Value
from pipeline.yaml_file import read_model


class Limits(BaseModel):
    """Types of floating-point tensors, the longest axis and the most axes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    types: list[str]
    dimension: int
    rank: int


class Rules(BaseModel):
    """rules.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    neural_engine: Limits
    operations: list[str]


@cache
def rules() -> Rules:
    return read_model(Path(__file__).with_name("rules.yaml"), Rules)


def against_limits(operation: Operation) -> Broken | None:
    """The first limit of the Neural Engine that the operation's tensors break."""
    found = [broken for value in operation.outputs for broken in _broken(value, computed=True)]
    found += [broken for value in operation.inputs for broken in _broken(value, computed=False)]
    return next(iter(found), None)


def _broken(value: Value, computed: bool) -> Iterator[Broken]:
    """Whole numbers may go in, as indices and shapes, but none come out."""
    limits = rules().neural_engine
    if None in value.shape:
        yield Broken("fixed shapes", f"{value.name} {_shape(value)}")
    if len(value.shape) > limits.rank:
        yield Broken(f"at most {limits.rank} axes", f"{value.name} {_shape(value)}")
    if any(size and size > limits.dimension for size in value.shape):
        yield Broken(f"no axis longer than {limits.dimension:,}", f"{value.name} {_shape(value)}")
    if (computed or value.type in FLOATS) and value.type not in limits.types:
        yield Broken(f"{' or '.join(limits.types)} only", f"{value.name} of {value.type}")


def _shape(value: Value) -> str:
    return f"[{', '.join('?' if size is None else str(size) for size in value.shape)}]"
