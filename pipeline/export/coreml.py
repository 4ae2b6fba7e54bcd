"""The classifier as a Core ML program: one .mlpackage with a function for each static length, weights shared by all of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pipeline.export.coreml_weights import compress
from pipeline.export.forward import ClassifierForward
from pipeline.export.half_range import in_half_range
from pipeline.export.labels import label_rows
from pipeline.progress import track
from pipeline.quiet import quiet
from pipeline.runtime.files import read_object, write_object
from pipeline.runtime.prompt import read_tokenizer
from pipeline.runtime.static_lengths import lengths_up_to
from pipeline.runtime.torch_runtime import load_model

VARIANTS: dict[str, dict[str, Any]] = {"fp16": {"weights": "fp16"}, "int8": {"weights": "int8", "of": "fp16"},
                                       "palette4": {"weights": "palette4", "of": "fp16"}}
LIBRARIES = ("coremltools", "torch", "transformers")
FILE, SPEC, OUTPUT = "model.mlpackage", "runtime.json", "logits"
TARGET = "macOS15"  # and iOS 18: the first with several functions in a package, and with palettes for groups of channels
LENGTHS = (64, 128, 256, 512)


def export(out: Path, scratch: Path, *, merged: Path, config: Mapping[str, Any], source: Path | None = None) -> None:
    """Write model.mlpackage and runtime.json of a Hugging Face directory.

    config: max_length, the most ids of a prompt; weights, of all matrices: fp16, int8 (symmetric, a scale a channel) or palette4 (16
    values for each 16 channels, by K-means; the embedding int8).  A function takes ids and mask, int32 [1, T] each, and
    gives logits, float16 [1, labels], in the order of config's labels (`pipeline.export.labels`); it computes in float16.
    source: of int8 and palette4, the same model as fp16; converted here without.
    """
    if config["weights"] == "fp16":
        _convert(out, scratch, merged, config)
        return
    if source is None:
        (source := scratch / "fp16").mkdir(exist_ok=True)
        _convert(source, scratch, merged, config)
    compress(source / FILE, out / FILE, config["weights"])
    write_object(out / SPEC, {**read_object(source / SPEC, "the runtime of an exported model"), "weights": config["weights"]})


def _convert(out: Path, scratch: Path, merged: Path, config: Mapping[str, Any]) -> None:
    ids, model, max_length = label_rows(read_tokenizer(merged), config), load_model(merged), config["max_length"]
    forward = in_half_range(ClassifierForward(model, ids, max_length)).eval()
    functions = {f"tokens_{length}": length for length in lengths_up_to(max_length, LENGTHS)}
    write_package(forward, out / FILE, scratch, functions)
    write_object(out / SPEC, {
        "backend": "coreml", "file": FILE, "functions": functions, "inputs": ["ids", "mask"], "output": OUTPUT, "label_ids": ids,
        "max_length": max_length, "weights": "fp16", "target": TARGET})


def write_package(forward: nn.Module, file: Path, scratch: Path, functions: Mapping[str, int]) -> None:
    """Convert ``forward`` at each length (function -> length), and save all in one package."""
    with quiet():
        import coremltools as ct
    several = ct.utils.MultiFunctionDescriptor()
    with track("Core ML", len(functions)) as progress:
        for name, length in functions.items():
            with quiet():
                part = scratch / f"{name}.mlpackage"
                converted(forward, length).save(str(part))
                several.add_function(str(part), "main", name)
            progress.advance(1, name)
        several.default_function_name = max(functions, key=lambda name: functions[name])
        with quiet():
            ct.utils.save_multifunction(several, str(file))


def converted(forward: nn.Module, length: int) -> Any:
    """``forward`` at one static length as a coremltools model that computes in float16."""
    import coremltools as ct

    example = torch.zeros(1, length, dtype=torch.int32), torch.ones(1, length, dtype=torch.int32)
    with torch.no_grad():
        program = torch.export.export(forward, example).run_decompositions({})
    _forget_aliases(program)
    return ct.convert(program, outputs=[ct.TensorType(OUTPUT)], convert_to="mlprogram", compute_precision=ct.precision.FLOAT16,
                      minimum_deployment_target=ct.target[TARGET], skip_model_load=True)


def _forget_aliases(program: Any) -> None:
    """A slice of everything is exported as an alias, which coremltools does not know."""
    for node in list(program.graph.nodes):
        if node.target is torch.ops.aten.alias.default:
            node.replace_all_uses_with(node.args[0])
            program.graph.erase_node(node)
