"""LiteRT over the same exporter-friendly forward pass, dynamic int8; shapes are fixed, so a prompt is padded to the next length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks.peers import Form, Model

TITLE, LIBRARIES = "LiteRT", ("litert-torch", "ai-edge-quantizer", "ai-edge-litert")
VARIANTS = {"int8": Form(8, "int8")}
LENGTHS = (16, 32, 64, 128)


def prepare(out: Path, scratch: Path, model: Model, variant: str) -> None:
    import litert_torch
    import torch
    from ai_edge_quantizer import quantizer, recipe

    from pipeline.export.forward import ClassifierForward
    from pipeline.runtime.torch_runtime import load_model

    wrapper = ClassifierForward(load_model(model.directory), model.label_ids, max(LENGTHS)).eval()
    converter: Any = litert_torch
    for length in LENGTHS:
        shape = (1, length)
        converter = converter.signature(f"t{length}", wrapper, (torch.zeros(shape, dtype=torch.int64), torch.ones(shape)))
    converter.convert().export(str(scratch / "float.tflite"))
    integers = quantizer.Quantizer(str(scratch / "float.tflite"))
    integers.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    integers.quantize().export_model(str(out / "model.tflite"))


class Session:
    def __init__(self, interpreter: Any) -> None:
        self._runners = {length: interpreter.get_signature_runner(f"t{length}") for length in LENGTHS}

    @classmethod
    def open(cls, path: Path, model: Model, threads: int, variant: str) -> Self:
        from ai_edge_litert.interpreter import Interpreter

        return cls(Interpreter(str(path / "model.tflite"), num_threads=threads))

    def run(self, ids: Sequence[int]) -> np.ndarray:
        length = next(length for length in LENGTHS if length >= len(ids))
        padding = length - len(ids)
        runner = self._runners[length]
        values = ([0] * padding + list(ids), [0] * padding + [1] * len(ids))  # the ids and their mask, arguments 0 and 1
        inputs = {name: np.asarray([value], dtype=detail["dtype"])
                  for (name, detail), value in zip(sorted(runner.get_input_details().items()), values, strict=True)}
        answer = runner(**inputs)
        return next(iter(answer.values()))[0]
