"""Core ML: the program's multiply-accumulates, read off the package; on a Mac the whole run is timed as well."""

from __future__ import annotations

import math
from pathlib import Path

from pipeline.errors import EdgeError
from pipeline.preflight import preflight
from pipeline.preflight.graph import Operation as Planned
from pipeline.preflight.graph import Value
from pipeline.profiling.operators import Operator
from pipeline.profiling.take import some_ids
from pipeline.runtime import Runtime, load, why_not_here
from pipeline.runtime.files import read_object

BYTES = {"fp16": 2, "bf16": 2, "int8": 1, "uint8": 1, "int16": 2, "bool": 1, "fp64": 8, "int64": 8}  # others: 4


class CoreMLProfiled:
    """The package's program; the runtime only on a Mac."""

    by, estimated = "multiply-accumulates of the program", True

    def __init__(self, model: Path, runtime: Runtime | None, threads: int, ids: list[int]) -> None:
        self._model, self._runtime, self._ids, self.threads = model, runtime, ids, threads
        self.provider, self.runs = runtime.provider if runtime else "none here", runtime is not None

    def run(self) -> None:
        assert self._runtime is not None
        self._runtime.logits(self._ids)

    def operators(self, rounds: int, warmup: int) -> list[Operator]:
        return [_operator(one) for one in preflight(self._model, len(self._ids)).operations]


def _operator(planned: Planned) -> Operator:
    constants = [value for value in planned.inputs if value.constant]
    largest = max(constants, key=_bytes, default=None)
    return Operator(name=planned.name, kind=planned.kind, weights=sum(map(_bytes, constants)), macs=planned.macs,
                    type=largest.type if largest and _bytes(largest) > 4 else "", writes=sum(map(_bytes, planned.outputs)))


def _bytes(value: Value) -> int:
    return math.prod(size or 1 for size in value.shape) * BYTES.get(value.type, 4)


def open_profiled(model: Path, threads: int, tokens: int) -> CoreMLProfiled:
    """An exported Core ML directory."""
    labels = list(read_object(model / "runtime.json", "the runtime of an exported model").get("label_ids", []))
    if not labels:
        raise EdgeError(f"{model}/runtime.json: expected label ids, found none; export it again")
    here = not why_not_here("coreml")
    return CoreMLProfiled(model, load(model, labels, threads) if here else None, threads, some_ids(labels, tokens))
