"""This project's own artifacts: the exported classifier, its head cut to the label rows, compressed and served as on the device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks.peers import Form, Model

TITLE, LIBRARIES = "ONNX Runtime", ("onnx", "onnxruntime")
VARIANTS = {"int8": Form(8, "int8"), "int4": Form(4.28, "int8")}  # groups of 128: a float32 scale, a zero point
SETTINGS = {"int8": {}, "int4": {"group": 128, "activations": "int8"}}


def prepare(out: Path, scratch: Path, model: Model, variant: str) -> None:
    from pipeline.compress import Source, technique

    module = technique(variant)
    module.apply(out, scratch, Source(model=model.onnx, origin=model.directory), module.Settings(**SETTINGS[variant]))


class Session:
    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime

    @classmethod
    def open(cls, path: Path, model: Model, threads: int, variant: str) -> Self:
        from pipeline.runtime import load

        return cls(load(path, model.label_ids, threads))

    def run(self, ids: Sequence[int]) -> np.ndarray:
        return self._runtime.logits(ids)
