"""What the tests of the GRAPH stage share: calibration data, logits over fixed prompts, and hand-made graphs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pipeline.compress import Source
from pipeline.compress.calibration import asked
from pipeline.data.records import Record, write_records
from pipeline.runtime import load
from tests.export.tiny_qwen3 import EXPORT, NAMES, TEXTS

PROMPT = {"system": "判断意图", "max_length": EXPORT["max_length"]}


def read(file: Path) -> dict:
    return json.loads(file.read_text())


def calibrated(model: Path, origin: Path, folder: Path, queries: list[str] = TEXTS[:5]) -> Source:
    """A source with calibration data of several lengths."""
    folder.mkdir(parents=True, exist_ok=True)
    write_records(folder / "train.jsonl", [Record(query, NAMES[i % len(NAMES)]) for i, query in enumerate(queries)])
    return Source(model, origin=origin, train=folder / "train.jsonl", prompt=PROMPT)


def logits(model: Path, prompts: list[list[int]]) -> np.ndarray:
    runtime = load(model, read(model / "runtime.json")["label_ids"], 1)
    return np.array([runtime.logits(ids) for ids in prompts])


def drift(model: Path, source: Source) -> float:
    """Mean KL of the label probabilities to those of the source's fp32 graph, over its calibration prompts."""
    prompts = [one.ids for one in asked(source)]
    exact, found = (_log_softmax(logits(directory, prompts)) for directory in (source.model, model))
    return float((np.exp(exact) * (exact - found)).sum(1).mean())


def random_prompts() -> list[list[int]]:
    random = np.random.default_rng(0)
    return [random.integers(0, 300, length).tolist() for length in (1, 2, 7, 30, 64)]


def edited(fp32: Path, out: Path, change: Callable[[dict[str, np.ndarray]], None]) -> Path:
    """A copy of an fp32 directory after ``change`` wrote into its weights by name."""
    model = onnx.load(str(fp32 / "model.onnx"))
    weights = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in model.graph.initializer}
    change(weights)
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name], tensor.name))
    out.mkdir(parents=True)
    onnx.save(model, out / "model.onnx")
    (out / "runtime.json").write_bytes((fp32 / "runtime.json").read_bytes())
    return out


def small_graph(directory: Path, matrix: np.ndarray, table: np.ndarray) -> Path:
    """logits = mean over tokens of table[ids] @ matrix, as an fp32 directory."""
    directory.mkdir(parents=True)
    nodes = [helper.make_node("Gather", ["table", "ids"], ["rows"], "look_up"),
             helper.make_node("MatMul", ["rows", "matrix"], ["found"], "product"),
             helper.make_node("ReduceMean", ["found", "axis"], ["logits"], keepdims=0)]
    constants = [numpy_helper.from_array(matrix.astype(np.float32), "matrix"), numpy_helper.from_array(table.astype(np.float32), "table"),
                 numpy_helper.from_array(np.array([1]), "axis")]
    labels = matrix.shape[1]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "length"])],
                              [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, labels])], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), directory / "model.onnx")
    (directory / "runtime.json").write_text(json.dumps({"backend": "onnx", "file": "model.onnx", "label_ids": list(range(labels)),
                                                        "max_length": 8, "opset": 18, "weights": "fp32"}))
    return directory


def _log_softmax(x: np.ndarray) -> np.ndarray:
    x = x - x.max(1, keepdims=True)
    return x - np.log(np.exp(x).sum(1, keepdims=True))
