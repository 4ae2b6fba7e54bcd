"""The classifier as ONNX in float16, for ONNX Runtime's CoreML provider: the Neural Engine computes in nothing wider."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pipeline.export.forward import ClassifierForward
from pipeline.export.half_range import in_half_range
from pipeline.export.labels import label_rows
from pipeline.export.onnx import FILE, write_graph
from pipeline.runtime.files import write_object
from pipeline.runtime.prompt import read_tokenizer
from pipeline.runtime.static_lengths import lengths_up_to
from pipeline.runtime.torch_runtime import load_model

LIBRARIES = ("torch", "transformers", "onnx", "onnxscript", "onnxruntime")
VARIANTS: dict[str, dict[str, Any]] = {"fp16": {"opset": 18, "lengths": [32, 64, 128]}}


def export(out: Path, scratch: Path, *, merged: Path, config: Mapping[str, Any]) -> None:
    """Write model.onnx (ids int64 [1, T] and mask float16 [1, T], 0 for left padding -> logits float16 [1, labels]), runtime.json.

    config: opset; max_length; lengths, the T that a session fixes: the provider takes no operation of open shape; labels other than
    the intents'.  Weights are kept in the graph, up to 2 GB, for the provider reads them nowhere else.
    """
    tokenizer, model, longest = read_tokenizer(merged), load_model(merged), config["max_length"]
    ids = label_rows(tokenizer, config)
    wrapper = in_half_range(ClassifierForward(model, ids, longest)).half().eval()
    example = longest // 2
    length = torch.export.Dim("length", max=longest)
    write_graph(wrapper, out / FILE, config["opset"],
                {"ids": torch.zeros(1, example, dtype=torch.int64), "mask": torch.ones(1, example, dtype=torch.float16)}, ["logits"],
                {"ids": {1: length}, "mask": {1: length}}, external=False)
    write_object(out / "runtime.json", {
        "backend": "onnx-coreml", "file": FILE, "label_ids": ids, "weights": "fp16", "max_length": longest,
        "lengths": lengths_up_to(longest, config["lengths"]), "opset": config["opset"]})
