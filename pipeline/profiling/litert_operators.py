"""LiteRT: its Python wheel times no operator, so the shares are those of the multiply-accumulates; the whole run is timed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import EdgeError
from pipeline.profiling.operators import Operator
from pipeline.profiling.take import some_ids
from pipeline.runtime.exported import file_and_length, read_exported
from pipeline.runtime.files import read_object
from pipeline.runtime.litert_runtime import DELEGATE, LiteRtRuntime, why_not_here

PRODUCTS = ("FULLY_CONNECTED", "BATCH_MATMUL")


class LiteRtProfiled:
    """The runtime that serves, and the operators of the shortest prompt's graph before a delegate takes them."""

    by, estimated, runs = "multiply-accumulates of the file's operators", True, True

    def __init__(self, runtime: LiteRtRuntime, interpreter: Any, ids: list[int]) -> None:
        self._runtime, self._interpreter, self._ids = runtime, interpreter, ids
        self.provider, self.threads = runtime.provider, runtime.threads

    def run(self) -> None:
        self._runtime.logits(self._ids)

    def operators(self, rounds: int, warmup: int) -> list[Operator]:
        nodes = [node for node in self._interpreter._get_ops_details() if node["op_name"] != DELEGATE]
        tensors = {one["index"]: one for one in self._interpreter.get_tensor_details()}
        computed = {int(index) for node in nodes for index in node["outputs"]}
        computed |= {one["index"] for one in self._interpreter.get_input_details()}
        return [_operator(node, tensors, computed) for node in nodes]


def _operator(node: Any, tensors: dict[int, Any], computed: set[int]) -> Operator:
    inputs = [int(index) for index in node["inputs"] if int(index) in tensors]  # -1: an input that is left out
    constants = {index: _bytes(tensors[index]) for index in inputs if index not in computed}
    largest = max(constants, key=constants.__getitem__, default=None)
    outputs = [tensors[int(index)] for index in node["outputs"] if int(index) in tensors]
    macs = _count(outputs[0]) * int(tensors[inputs[0]]["shape"][-1]) if node["op_name"] in PRODUCTS else 0
    kind = np.dtype(tensors[largest]["dtype"]).name if largest is not None else ""
    return Operator(name=f"{node['op_name'].lower()} {node['index']}", kind=node["op_name"], weights=sum(constants.values()), macs=macs,
                    type={"float32": "fp32", "float16": "fp16"}.get(kind, kind), writes=sum(map(_bytes, outputs)))


def _count(tensor: Any) -> int:
    return math.prod(int(size) for size in tensor["shape"])


def _bytes(tensor: Any) -> int:
    return _count(tensor) * np.dtype(tensor["dtype"]).itemsize


def open_profiled(model: Path, threads: int, tokens: int) -> LiteRtProfiled:
    """An exported directory."""
    if reason := why_not_here():
        raise EdgeError(f"{model}: {reason}")
    from ai_edge_litert.interpreter import Interpreter
    labels = list(read_object(model / "runtime.json", "the runtime of an exported model").get("label_ids", []))
    file, longest = file_and_length(model, read_exported(model, labels))
    if not labels or tokens > longest:
        raise EdgeError(f"{model}: expected label ids and at most {longest} tokens, found {len(labels)} and {tokens}; lower --tokens")
    runtime = LiteRtRuntime(file, len(labels), longest, threads)
    return LiteRtProfiled(runtime, Interpreter(str(file), num_threads=threads), some_ids(labels, tokens))
