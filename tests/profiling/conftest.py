"""Graphs with a planted bottleneck, and what a profile says of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pipeline.profiling.operators import OperatorProfile
from pipeline.profiling.take import take
from tests.export.tiny_mlx import mlx_4bit
from tests.export.tiny_qwen3 import fp32, int8, merged

__all__ = ["fp32", "int8", "merged", "mlx_4bit"]
TOKENS = 32
Profiling = Callable[..., OperatorProfile]


def saved(file: Path, nodes: Sequence[onnx.NodeProto], weights: dict[str, np.ndarray], width: int, kind: int = TensorProto.FLOAT) -> Path:
    """A graph from x [1, T] or [1, T, width] to the last node's output."""
    shape = [1, "T"] if kind == TensorProto.INT64 else [1, "T", width]
    graph = helper.make_graph(nodes, "planted", [helper.make_tensor_value_info("x", kind, shape)],
                              [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)],
                              [numpy_helper.from_array(array, name) for name, array in weights.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), file)
    return file


def weight(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal(shape).astype(np.float32)


def product(name: str, source: str, target: str) -> onnx.NodeProto:
    """MatMul by the weight w_NAME."""
    return helper.make_node("MatMul", [source, f"w_{name}"], [target], name)


@pytest.fixture
def profiled() -> Profiling:
    """A profile taken in this process, for a graph of a few operators: no clock of a test is held against a limit."""
    def of(file: Path, threads: int = 1, rounds: int = 8) -> OperatorProfile:
        told = take(file, threads, TOKENS, rounds, 2)
        return OperatorProfile.model_validate({**told, "model": file.stem, "cores": os.cpu_count(), "tokens": TOKENS, "host_class": "here"})
    return of
