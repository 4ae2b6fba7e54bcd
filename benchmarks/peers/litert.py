"""LiteRT's int8 as this project exports and executes it; shapes are fixed, so a prompt is padded to the next length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks.peers import Form, Model

TITLE, LIBRARIES = "LiteRT", ("ai-edge-litert",)
VARIANTS = {"int8": Form(8, "int8")}
CODE = ("pipeline.export.litert",)


def prepare(out: Path, scratch: Path, model: Model, variant: str) -> None:
    from pipeline.export.litert import VARIANTS, export

    export(out, scratch, merged=model.directory, config={**VARIANTS[variant], "max_length": model.max_length})


class Session:
    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime

    @classmethod
    def open(cls, path: Path, model: Model, threads: int, variant: str) -> Self:
        from pipeline.runtime.litert_runtime import open_runtime

        return cls(open_runtime(path, model.label_ids, threads))

    def run(self, ids: Sequence[int]) -> np.ndarray:
        return self._runtime.logits(ids)
