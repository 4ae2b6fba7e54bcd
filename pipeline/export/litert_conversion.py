"""``python -m pipeline.export.litert_conversion MERGED OUT SCRATCH WEIGHTS MAX_LENGTH``: what runs in the environment litert."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError

FILE = "model.tflite"


def lengths(max_length: int) -> list[int]:
    """What prompts are padded to: half of all are shorter than a quarter of the longest, nearly all than half of it."""
    return sorted({max(1, max_length // 4), max(1, max_length // 2), max_length})


def convert(out: Path, scratch: Path, merged: Path, weights: str, max_length: int) -> None:
    """Write model.tflite and runtime.json; see `pipeline.export.litert.export`."""
    from pipeline.data.intents import INTENTS
    from pipeline.export.onnx import check_against_torch
    from pipeline.runtime.prompt import label_ids, read_tokenizer
    from pipeline.runtime.torch_runtime import load_model

    ids = label_ids(read_tokenizer(merged), [intent.label for intent in INTENTS])
    model = load_model(merged)
    exact = scratch / "fp32"
    exact.mkdir(exist_ok=True)
    write_graph(exact / FILE, model, ids, max_length)
    _describe(exact, ids, "fp32", max_length)
    check_against_torch(exact, model, ids, max_length)
    if weights == "fp32":
        shutil.move(exact / FILE, out / FILE)
    else:
        quantise(exact / FILE, out / FILE)
    _describe(out, ids, weights, max_length)
    _check_provider(out, ids)


def write_graph(file: Path, model: Any, label_ids: Sequence[int], max_length: int) -> None:
    """The forward pass of ``model`` (transformers' Qwen3ForCausalLM), a signature t16, t32 ... for each length."""
    import litert_torch
    import torch

    from pipeline.export.forward import ClassifierForward

    wrapper = ClassifierForward(model, label_ids, max_length).eval()
    converter: Any = litert_torch
    for length in lengths(max_length):
        example = torch.zeros(1, length, dtype=torch.int32), torch.ones(1, length)
        converter = converter.signature(f"t{length}", wrapper, example)
    converter.convert().export(str(file))


def quantise(source: Path, target: Path) -> None:
    """Weights as int8 with a scale a row; products of int8 with activations that are quantised as they come."""
    from ai_edge_quantizer import quantizer, recipe

    integers = quantizer.Quantizer(str(source))
    integers.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    integers.quantize().export_model(str(target))
    target.chmod(0o644)


def _describe(directory: Path, label_ids: Sequence[int], weights: str, max_length: int) -> None:
    from pipeline.runtime.files import write_object

    write_object(directory / "runtime.json", {"backend": "litert", "file": FILE, "label_ids": list(label_ids), "weights": weights,
                                              "max_length": max_length, "lengths": lengths(max_length)})


def _check_provider(exported: Path, label_ids: Sequence[int]) -> None:
    from pipeline.runtime.litert_runtime import open_runtime

    if (found := open_runtime(exported, label_ids, threads=1).provider) != "litert-xnnpack":
        raise EdgeError(f"{exported}: expected that XNNPACK executes the graph, found {found}; write the forward pass in operations it takes")


if __name__ == "__main__":
    _, merged_, out_, scratch_, weights_, longest_ = sys.argv
    try:
        convert(Path(out_), Path(scratch_), Path(merged_), weights_, int(longest_))
    except EdgeError as error:
        sys.exit(f"EdgeError: {error}")
