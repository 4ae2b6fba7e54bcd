"""The weights in an ONNX file as the float32 values they stand for, whatever form they are kept in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx


def dense_weights(file: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(name, float32 values) of every weight of the exported model, by the name that it had in the fp32 graph."""
    graph = onnx.load(str(file)).graph
    for weight in graph.initializer:
        if weight.data_type == onnx.TensorProto.FLOAT and len(weight.dims) > 1:
            yield weight.name, onnx.numpy_helper.to_array(weight)
