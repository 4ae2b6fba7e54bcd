"""OpenVINO over the same exported classifier, weights compressed by NNCF without data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks.peers import Form, Model

TITLE, LIBRARIES = "OpenVINO", ("openvino", "nncf")
VARIANTS = {"int8": Form(8, "int8"), "int4": Form(4.125, "int8")}
GROUP = 128


def prepare(out: Path, scratch: Path, model: Model, variant: str) -> None:
    import nncf
    import openvino

    modes = {"int8": {"mode": nncf.CompressWeightsMode.INT8_ASYM},
             "int4": {"mode": nncf.CompressWeightsMode.INT4_SYM, "group_size": GROUP}}
    graph = openvino.Core().read_model(model.onnx / "model.onnx")
    openvino.save_model(nncf.compress_weights(graph, **modes[variant]), out / "model.xml")


class Session:
    def __init__(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()

    @classmethod
    def open(cls, path: Path, model: Model, threads: int, variant: str) -> Self:
        import openvino

        return cls(openvino.Core().compile_model(
            path / "model.xml", "CPU", {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads}))

    def run(self, ids: Sequence[int]) -> np.ndarray:
        return self._request.infer([np.asarray([ids], dtype=np.int64)])[0][0].copy()
