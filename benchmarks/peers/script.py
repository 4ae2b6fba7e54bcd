"""The plan's script to the letter: transformers, every prompt padded to 128 tokens, logits of the whole vocabulary at every position."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks.peers import Form, Model

TITLE, LIBRARIES = "transformers, padded to 128,", ("torch", "transformers")
VARIANTS = {"float32": Form(32, "float32")}
PADDED = 128


class Session:
    def __init__(self, model: Any, label_ids: list[int]) -> None:
        self._model, self._labels = model, label_ids

    @classmethod
    def open(cls, path: Path, model: Model, threads: int, variant: str) -> Self:
        import torch

        from pipeline.runtime.torch_runtime import load_model

        torch.set_num_threads(threads)
        return cls(load_model(path, variant), model.label_ids)

    def run(self, ids: Sequence[int]) -> np.ndarray:
        import torch

        padding = PADDED - len(ids)
        mask = torch.tensor([[1] * len(ids) + [0] * padding])
        with torch.no_grad():
            logits = self._model(input_ids=torch.tensor([[*ids, *[0] * padding]]), attention_mask=mask).logits
        return logits[0, len(ids) - 1, self._labels].float().numpy()
