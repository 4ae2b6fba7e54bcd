"""Exported ONNX directories as the techniques of the GRAPH stage read and write them."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from pipeline.compress import Source
from pipeline.errors import EdgeError
from pipeline.runtime import load
from pipeline.runtime.files import read_object, write_object
from pipeline.runtime.generator import TASK, open_generator
from pipeline.runtime.onnx_runtime import MAPPED_BEYOND
from pipeline.runtime.prompt import read_tokenizer

FILE = "model.onnx"
PRODUCTS = ("MatMul", "Gemm")
UNTYPED = {"DefaultTensorType": onnx.TensorProto.FLOAT}
"""For ONNX Runtime's quantisers: onnx cannot tell the type of what a fused operator computes, and here all are float."""


def fp32_spec(directory: Path) -> tuple[dict[str, Any], Path]:
    """runtime.json and the graph's file; EdgeError when the file is missing, or quantised already."""
    spec = read_object(directory / "runtime.json", "the runtime of an exported model")
    file = directory / spec["file"]
    if not file.is_file():
        raise EdgeError(f"expected a model at {file}, found none; export it again")
    if spec.get("weights", "fp32") != "fp32":
        raise EdgeError(f"{directory}: expected fp32 weights, found {spec['weights']}; quantise the exported graph once")
    return spec, file


def classifier_spec(directory: Path) -> tuple[dict[str, Any], Path]:
    """As ``fp32_spec``; EdgeError for a generator, which gives no label logits to calibrate by."""
    spec, file = fp32_spec(directory)
    if spec.get("task") == TASK:
        raise EdgeError(f"{directory}: expected a classifier's graph to calibrate, found a generator; use a technique without data")
    return spec, file


def read_graph(file: Path) -> onnx.ModelProto:
    """The graph with its weights in memory; EdgeError for what is no ONNX."""
    try:
        return onnx.load(str(file))
    except Exception as error:  # protobuf and onnx each raise their own kinds
        raise unusable(file, error) from error


def unusable(file: Path, error: Exception) -> EdgeError:
    first = (str(error).strip().splitlines() or [""])[0]
    return EdgeError(f"{file}: expected a model that can be quantised, found {type(error).__name__}: {first}; export it again")


def save_graph(model: onnx.ModelProto, file: Path) -> None:
    """Weights beyond MAPPED_BEYOND go to a file of their own."""
    large = sum(len(weight.raw_data) for weight in model.graph.initializer) > MAPPED_BEYOND  # ByteSize fails beyond it
    onnx.save(model, str(file), save_as_external_data=large, location=f"{file.name}.data")


def finish(out: Path, source: Source, spec: Mapping[str, Any], weights: str) -> None:
    """runtime.json beside the written graph, a generator's tokenizer.json; EdgeError unless the result gives finite logits."""
    write_object(out / "runtime.json", {**spec, "file": FILE, "weights": weights})
    if spec.get("task") == TASK:
        read_tokenizer(source.model)
        shutil.copyfile(source.model / "tokenizer.json", out / "tokenizer.json")
    for length in (len(spec.get("prefix", [])) + 1, spec["max_length"]):
        if not np.isfinite(_logits(out, spec, length)).all():
            raise EdgeError(f"{out}: expected finite logits after quantisation, found others at {length} tokens; "
                            "do not use this model")


def weights_report(before: Path, after: Path) -> dict[str, Any]:
    """``left_in_float``: products with a plain weight still; ``weight_bytes`` {before, after} by element type."""
    graph = onnx.load(str(after), load_external_data=False).graph
    constant = {weight.name for weight in graph.initializer}
    left = [node.name for node in graph.node if node.op_type in PRODUCTS and constant.intersection(node.input[:2])]
    return {"left_in_float": left, "weight_bytes": {"before": _bytes_by_kind(before), "after": _bytes_by_kind(after)}}


def nothing_quantised(file: Path) -> EdgeError:
    return EdgeError(f"{file}: expected matrix products with constant weights, found none that could be quantised; "
                     "export the model again")


def products(graph: onnx.GraphProto) -> dict[str, str]:
    """Node name -> weight name of every matrix product with a constant matrix."""
    constant = {weight.name for weight in graph.initializer if len(weight.dims) == 2}
    return {node.name: node.input[1] for node in graph.node if node.op_type in PRODUCTS and node.input[1] in constant}


def copy_graph(file: Path, folder: Path) -> Path:
    """The graph and its external data in ``folder``; links would not do: onnx refuses external data that is linked."""
    for part in parts(file):
        shutil.copyfile(part, folder / part.name)
    return folder / file.name


def parts(file: Path) -> list[Path]:
    """The graph and its external data."""
    return sorted(file.parent.glob(f"{file.name}*"))


def is_large(file: Path) -> bool:
    """Whether the weights lie, or have to lie, in a file of their own."""
    return bytes_on_disk(file) > MAPPED_BEYOND


def bytes_on_disk(file: Path) -> int:
    return sum(part.stat().st_size for part in parts(file))


def _bytes_by_kind(file: Path) -> dict[str, int]:
    sizes: Counter[str] = Counter()
    for weight in onnx.load(str(file), load_external_data=False).graph.initializer:
        kind = onnx.helper.tensor_dtype_to_np_dtype(weight.data_type)
        sizes[kind.name] += int(np.prod(weight.dims, dtype=np.int64)) * kind.itemsize
    return dict(sorted(sizes.items()))


def _logits(out: Path, spec: Mapping[str, Any], length: int) -> np.ndarray:
    if spec.get("task") == TASK:
        return open_generator(out, threads=1).start([0] * length).logits
    labels, prefix = spec["label_ids"], spec.get("prefix", [])
    return load(out, labels, threads=1).logits([*prefix, *[labels[0]] * (length - len(prefix))])
