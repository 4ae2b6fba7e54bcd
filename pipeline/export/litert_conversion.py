"""What runs in the environment litert: ``python -m pipeline.export.litert_conversion``

convert MERGED OUT MAX_LENGTH [LABEL ...]   a Hugging Face directory -> model.tflite in float32, and runtime.json
quantise SOURCE OUT                         what ``convert`` wrote -> the same in int8
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object, write_object

FILE, SPEC = "model.tflite", "runtime.json"


def lengths(max_length: int) -> list[int]:
    """What prompts are padded to: half of all are about a quarter of the longest, nearly all the others shorter than half of it."""
    return sorted({max(1, max_length // 4), max(1, max_length // 2), max_length})


def convert(merged: Path, out: Path, max_length: int, labels: Sequence[str] = ()) -> None:
    """labels: other than the intents'.  EdgeError when the logits differ from transformers', or XNNPACK would not execute the graph."""
    from pipeline.export.labels import label_rows
    from pipeline.export.onnx import check_against_torch
    from pipeline.runtime.prompt import read_tokenizer
    from pipeline.runtime.torch_runtime import load_model

    ids, model = label_rows(read_tokenizer(merged), {"labels": labels}), load_model(merged)
    write_graph(out / FILE, model, ids, max_length)
    write_object(out / SPEC, {"backend": "litert", "file": FILE, "label_ids": ids, "weights": "fp32", "max_length": max_length,
                              "lengths": lengths(max_length)})
    check_against_torch(out, model, ids, max_length)
    _check_provider(out, ids)


def write_graph(file: Path, model: Any, label_ids: Sequence[int], max_length: int) -> None:
    """The forward pass of ``model`` (transformers' Qwen3ForCausalLM), a signature t32, t64 ... for each length."""
    import litert_torch
    import torch

    from pipeline.export.forward import ClassifierForward

    wrapper = ClassifierForward(model, label_ids, max_length).eval()
    converter: Any = litert_torch
    for length in lengths(max_length):
        converter = converter.signature(f"t{length}", wrapper, (torch.zeros(1, length, dtype=torch.int32), torch.ones(1, length)))
    converter.convert().export(str(file))


def quantise(source: Path, out: Path) -> None:
    """Weights as int8 with a scale a row; products of int8 with activations that are quantised as they come."""
    from ai_edge_quantizer import quantizer, recipe

    spec = read_object(source / SPEC, "the runtime of an exported model")
    integers = quantizer.Quantizer(str(source / FILE))
    integers.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    integers.quantize().export_model(str(out / FILE))
    (out / FILE).chmod(0o644)
    write_object(out / SPEC, {**spec, "weights": "int8"})
    _check_provider(out, spec["label_ids"])


def _check_provider(exported: Path, label_ids: Sequence[int]) -> None:
    from pipeline.runtime.litert_runtime import open_runtime

    if (found := open_runtime(exported, label_ids, threads=1).provider) != "litert-xnnpack":
        raise EdgeError(f"{exported}: expected that XNNPACK executes the graph, found {found}; write the forward pass in operations "
                        "that it takes")


def main(step: str, source: str, out: str, max_length: str = "", *labels: str) -> None:
    if step == "convert":
        convert(Path(source), Path(out), int(max_length), labels)
    else:
        quantise(Path(source), Path(out))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except EdgeError as error:
        sys.exit(f"EdgeError: {error}")
