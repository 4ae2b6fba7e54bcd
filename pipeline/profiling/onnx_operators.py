"""ONNX Runtime's own profiler: the time of each node of the graph that it really runs, after its optimisations."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import EdgeError
from pipeline.profiling.operators import Operator
from pipeline.runtime.exported import Prompts, file_and_length
from pipeline.runtime.files import read_object
from pipeline.runtime.onnx_profile import BY, read_profile
from pipeline.runtime.onnx_runtime import CPU, open_session

PRODUCTS = ("MatMul", "FusedMatMul", "Gemm", "FusedGemm", "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "QLinearMatMul",
            "QGemm", "MatMulNBits")
NUMPY = {"float": np.float32, "float16": np.float16, "double": np.float64, "int64": np.int64, "int32": np.int32, "int8": np.int8,
         "uint8": np.uint8, "bool": np.bool_}
NAMES = {"float": "fp32", "float16": "fp16", "double": "fp64", "bfloat16": "bf16"}
OPEN = 1  # what an axis is fixed to that is no length of a prompt: a batch
Shapes = Sequence[Mapping[str, Sequence[int]]]


class OnnxProfiled:
    """A session as it serves, and a profiled twin."""

    by, estimated, runs = BY, False, True

    def __init__(self, file: Path, threads: int, tokens: int, provider: str, mapped: bool) -> None:
        self._open: Callable[..., Any] = lambda **more: open_session(file, threads, provider, **{"mapped": mapped, **more})
        self._session, self.provider, self.threads = self._open(), provider, threads
        self._feed = {each.name: _values(each, tokens, file) for each in self._session.get_inputs()}

    def run(self) -> None:
        self._session.run(None, self._feed)

    def operators(self, rounds: int, warmup: int) -> list[Operator]:
        # Once more with weights as they lie in the file: laid out for the processor, a node's profile no longer names them.
        told = {str(event["name"]): event["args"] for event in self._events(1, mapped=True)}
        took: dict[str, list[float]] = {}
        for event in self._events(rounds + warmup):
            took.setdefault(str(event["name"]), []).append(float(event["dur"]) / 1e6)
        return [_operator(name, told[name], _median(seconds, rounds + warmup, warmup)) for name, seconds in took.items() if name in told]

    def _events(self, runs: int, **more: Any) -> list[dict[str, Any]]:
        """One a node and run."""
        with tempfile.TemporaryDirectory() as folder:
            session = self._open(profile=str(Path(folder) / "profile"), **more)
            for _ in range(runs):
                session.run(None, self._feed)
            events = read_profile(Path(session.end_profiling()))
        nodes = [event for event in events if isinstance(event, dict) and event.get("cat") == "Node"
                 and str(event.get("name", "")).endswith("_kernel_time")]
        if not nodes:
            raise EdgeError(f"{BY}: expected the times of nodes, found none; give a graph that computes something")
        return nodes


def open_profiled(model: Path, threads: int, tokens: int) -> OnnxProfiled:
    """An exported directory as its runtime.json serves it, or a bare .onnx file on the CPU."""
    if model.suffix == ".onnx":
        return OnnxProfiled(model, threads, tokens, CPU, mapped=False)
    spec = read_object(model / "runtime.json", "the runtime of an exported model")
    file, longest = file_and_length(model, spec)
    known = len(Prompts.of(model, spec).prefix)
    if not known < tokens <= longest:
        raise EdgeError(f"{model}: expected {known + 1} to {longest} tokens, found {tokens}; choose other --tokens")
    return OnnxProfiled(file, threads, tokens - known, spec.get("provider", CPU), spec.get("mapped") is True)


def _values(each: Any, tokens: int, file: Path) -> np.ndarray:
    """Values for an input: what a graph computes decides its time, not on what; an id of 0 is in every table."""
    shape = [size if isinstance(size, int) else tokens if place else OPEN for place, size in enumerate(each.shape)]
    kind = NUMPY.get(each.type.removeprefix("tensor(").removesuffix(")"))
    if kind is None:
        raise EdgeError(f"{file}: expected inputs of {', '.join(NUMPY)}, found {each.type} of {each.name}; profile another graph")
    if np.issubdtype(kind, np.floating):
        return np.random.default_rng(7).standard_normal(shape).astype(kind)
    return np.zeros(shape, kind)


def _median(seconds: Sequence[float], runs: int, warmup: int) -> float:
    """Of a run; a node in a loop or a branch is not in every run, and its mean is taken."""
    if len(seconds) % runs:
        return float(np.sum(seconds) / runs)
    return float(np.median(np.reshape(seconds, (runs, -1)).sum(axis=1)[warmup:]))


def _operator(name: str, told: Mapping[str, Any], seconds: float) -> Operator:
    kind, weights = str(told["op_name"]), int(told["parameter_size"])
    inputs, outputs = _shapes(told["input_type_shape"]), _shapes(told["output_type_shape"])
    return Operator(name=name.removesuffix("_kernel_time"), kind=kind, seconds=seconds, weights=weights, writes=int(told["output_size"]),
                    type=_type(kind, inputs, weights), macs=_macs(kind, inputs, outputs))


def _shapes(told: Any) -> list[tuple[str, list[int]]]:
    told = json.loads(told) if isinstance(told, str) else told
    return [(kind, shape) for one in told for kind, shape in one.items()]


def _type(kind: str, inputs: Sequence[tuple[str, list[int]]], weights: int) -> str:
    """Of the largest constant: the profile says how many bytes are constant, not which inputs."""
    known = [(math.prod(shape) * np.dtype(NUMPY.get(name, np.float32)).itemsize, name, shape)
             for name, shape in inputs[kind in PRODUCTS:]]
    size, name, shape = max(((size, name, shape) for size, name, shape in known if size <= weights), default=(0, "", []))
    if not size:
        return ""
    if kind == "MatMulNBits":  # several numbers a byte
        return f"int{round(8 * size / (shape[0] * inputs[0][1][-1]))}"
    return NAMES.get(name, name)


def _macs(kind: str, inputs: Sequence[tuple[str, list[int]]], outputs: Sequence[tuple[str, list[int]]]) -> int:
    if kind in PRODUCTS and inputs and inputs[0][1]:
        return math.prod(outputs[0][1]) * inputs[0][1][-1]
    if kind in ("Conv", "FusedConv", "NhwcFusedConv") and len(inputs) > 1:
        return math.prod(outputs[0][1]) * math.prod(inputs[1][1][1:])
    return 0
