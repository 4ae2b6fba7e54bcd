"""onnxruntime-genai: a generator whose answer is never generated; the head is asked for the last position alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks.peers import Form, Model

TITLE, LIBRARIES = "onnxruntime-genai", ("onnxruntime-genai", "onnxruntime")
VARIANTS = {"int4": Form(5, "int8")}  # blocks of 32, float32 scales
BUILDER = "onnxruntime_genai.models.builder"


def prepare(out: Path, scratch: Path, model: Model, variant: str) -> None:
    subprocess.run(
        [sys.executable, "-P", "-m", BUILDER, "-m", "qwen3", "-i", str(model.directory), "-o", str(out), "-p", variant, "-e", "cpu",
         "-c", str(scratch), "--extra_options", "prune_lm_head=true", "int4_accuracy_level=4"], check=True, stdout=sys.stderr)


class Session:
    def __init__(self, model: Any, model_: Model) -> None:
        self._model, self._labels = model, model_.label_ids

    @classmethod
    def open(cls, path: Path, model: Model, threads: int, variant: str) -> Self:
        import onnxruntime_genai as genai

        config = genai.Config(str(path))
        config.overlay(json.dumps({"model": {"decoder": {"session_options": {"intra_op_num_threads": threads}}}}))
        return cls(genai.Model(config), model)

    def run(self, ids: Sequence[int]) -> np.ndarray:
        import onnxruntime_genai as genai

        parameters = genai.GeneratorParams(self._model)
        parameters.set_search_options(max_length=len(ids) + 1)
        generator = genai.Generator(self._model, parameters)
        generator.append_tokens(np.asarray([ids], dtype=np.int32))
        return np.asarray(generator.get_logits(), dtype=np.float32)[0, -1, self._labels]
