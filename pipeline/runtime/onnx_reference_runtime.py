"""ONNX's own reference in numpy: every operation of the graph of onnx-coreml in the type that it declares.

ONNX Runtime's CPU provider computes much of a float16 graph in float32, so it hides what does not fit float16; this does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import EdgeError
from pipeline.runtime.onnx_coreml_runtime import read_graph
from pipeline.runtime.static_lengths import StaticLengths

END = 65504.0


class OnnxReferenceRuntime:
    """Slow: a third of a second a decision of the reference profile."""

    backend = "onnx-reference"
    provider = "numpy, operation by operation"
    threads = 1

    def __init__(self, evaluator: Any, lengths: StaticLengths) -> None:
        self._evaluator, self._lengths = evaluator, lengths

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """Token ids of one whole prompt -> float32 [labels]; what is not finite counts as the end of float16, far from any logit."""
        padded = self._lengths.padded(ids)
        with np.errstate(all="ignore"):  # what is too large shows in the logits
            values = self._evaluator.run(None, {"ids": padded.ids.astype(np.int64), "mask": padded.mask.astype(np.float16)})[0]
        return np.nan_to_num(np.asarray(values, np.float32)[0], nan=END, posinf=END, neginf=-END)


def open_runtime(model: Path, label_ids: Sequence[int], threads: int) -> OnnxReferenceRuntime:
    """Open a directory of `pipeline.export.onnx_coreml`; EdgeError for a graph that cannot be read."""
    from onnx.reference import ReferenceEvaluator

    file, lengths = read_graph(model, label_ids)
    try:
        evaluator = ReferenceEvaluator(str(file))
    except Exception as error:  # protobuf and onnx raise their own kinds
        raise EdgeError(f"{file}: expected a readable ONNX model, found {str(error)[:120]}; export it again") from error
    return OnnxReferenceRuntime(evaluator, lengths)
