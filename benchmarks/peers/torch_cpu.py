"""transformers as it should be used: no padding, logits at the last position alone, no cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks.peers import Form, Model

TITLE, LIBRARIES = "transformers", ("torch", "transformers")
VARIANTS = {"float32": Form(32, "float32"), "bfloat16": Form(16, "bfloat16")}


class Session:
    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime

    @classmethod
    def open(cls, path: Path, model: Model, threads: int, variant: str) -> Self:
        import torch

        from pipeline.runtime.torch_runtime import TorchRuntime, load_model

        torch.set_num_threads(threads)
        return cls(TorchRuntime(load_model(path, variant), model.label_ids))

    def run(self, ids: Sequence[int]) -> np.ndarray:
        return self._runtime.logits(ids)
