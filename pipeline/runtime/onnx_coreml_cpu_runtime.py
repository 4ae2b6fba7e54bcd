"""The graph of onnx-coreml on ONNX Runtime's CPU provider, at the same fixed lengths: what it means, verified off the Mac."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.runtime import onnx_coreml_runtime
from pipeline.runtime.onnx_coreml_runtime import OnnxCoreMLRuntime
from pipeline.runtime.onnx_runtime import CPU


def open_runtime(model: Path, label_ids: Sequence[int], threads: int) -> OnnxCoreMLRuntime:
    """Open a directory of `pipeline.export.onnx_coreml`."""
    runtime = onnx_coreml_runtime.open_runtime(model, label_ids, threads, CPU)
    runtime.backend = "onnx-coreml-cpu"
    return runtime
