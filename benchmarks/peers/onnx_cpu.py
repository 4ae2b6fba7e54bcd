"""This project's own artifacts, served as on the device: portable, and in fused operators with the prompt's beginning read in advance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks.peers import Form, Model

TITLE, LIBRARIES = "ONNX Runtime", ("onnx", "onnxruntime")
VARIANTS = {"int8": Form(8, "int8"), "int8-fused": Form(8, "int8"), "int4-fused": Form(4.25, "int8")}  # groups of 128: a float32 scale
SETTINGS: dict[str, dict[str, Any]] = {"int8": {}, "int4": {"group": 128, "symmetric": True, "activations": "int8", "embedding": "int4"}}


def prepare(out: Path, scratch: Path, model: Model, variant: str) -> None:
    from pipeline.compress import Source, technique

    name, _, fused = variant.partition("-")
    module = technique(name)
    source = _fused(scratch, model) if fused else model.onnx
    module.apply(out, scratch, Source(model=source, origin=model.directory), module.Settings(**SETTINGS[name]))


def _fused(scratch: Path, model: Model) -> Path:
    from benchmarks.peers.subject import PROFILE
    from pipeline.export.onnx import export_onnx
    from pipeline.profile import load_profile
    from pipeline.runtime.prompt import template

    profile, out = load_profile(PROFILE), scratch / "fused"
    out.mkdir(exist_ok=True)
    export_onnx(out, merged=model.directory, config={**profile.export.model_dump(), "max_length": model.max_length, "graph": "fused",
                                                     "prefix": template(profile.prompt.system).prefix})
    return out


class Session:
    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime

    @classmethod
    def open(cls, path: Path, model: Model, threads: int, variant: str) -> Self:
        from pipeline.runtime import load

        return cls(load(path, model.label_ids, threads))

    def run(self, ids: Sequence[int]) -> np.ndarray:
        return self._runtime.logits(ids)
