"""The classifier as a Core ML program: one .mlpackage with a function for each static length, weights shared by all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pipeline.data.intents import INTENTS
from pipeline.errors import EdgeError
from pipeline.export.forward import ClassifierForward
from pipeline.export.half_range import in_half_range
from pipeline.progress import track
from pipeline.quiet import quiet
from pipeline.runtime.files import write_object
from pipeline.runtime.prompt import label_ids, read_tokenizer
from pipeline.runtime.static_lengths import lengths_up_to
from pipeline.runtime.torch_runtime import load_model

VARIANTS: dict[str, dict[str, Any]] = {"fp16": {"weights": "fp16"}, "int8": {"weights": "int8"}, "palette4": {"weights": "palette4"}}
LIBRARIES = ("coremltools", "torch", "transformers")
FILE, OUTPUT = "model.mlpackage", "logits"
TARGET = "macOS15"  # and iOS 18: the first with several functions in a package, and with palettes for groups of channels
LENGTHS = (64, 128, 256, 512)
GROUP = 16  # output channels that share a palette


def export(out: Path, scratch: Path, *, merged: Path, config: Mapping[str, Any]) -> None:
    """Write model.mlpackage and runtime.json of a Hugging Face directory.

    config: max_length, the most ids of a prompt; weights, of all matrices: fp16, int8 (symmetric, a scale a channel) or palette4 (16
    values for each 16 channels, by K-means; the embedding int8).  A function takes ids and mask, int32 [1, T] each, and
    gives logits, float16 [1, labels], in the order of the intents' labels; it computes in float16.
    """
    tokenizer, model = read_tokenizer(merged), load_model(merged)
    ids = label_ids(tokenizer, [intent.label for intent in INTENTS])
    forward = in_half_range(ClassifierForward(model, ids, config["max_length"])).eval()
    functions = {f"tokens_{length}": length for length in lengths_up_to(config["max_length"], LENGTHS)}
    write_package(forward, out / FILE, scratch, functions, config["weights"])
    write_object(out / "runtime.json", {
        "backend": "coreml", "file": FILE, "functions": functions, "inputs": ["ids", "mask"], "output": OUTPUT, "label_ids": ids,
        "max_length": config["max_length"], "weights": config["weights"], "target": TARGET})


def write_package(forward: nn.Module, file: Path, scratch: Path, functions: Mapping[str, int], weights: str) -> None:
    """Convert ``forward`` at each length (function -> length), its weights in that number format, and save all in one package."""
    with quiet():
        import coremltools as ct
    several = ct.utils.MultiFunctionDescriptor()
    with track("Core ML", len(functions)) as progress:
        for name, length in functions.items():
            with quiet():
                part = scratch / f"{name}.mlpackage"
                converted(forward, length, weights).save(str(part))
                several.add_function(str(part), "main", name)
            progress.advance(1, name)
        several.default_function_name = max(functions, key=lambda name: functions[name])
        _palettes.clear()
        with quiet():
            ct.utils.save_multifunction(several, str(file))


def converted(forward: nn.Module, length: int, weights: str) -> Any:
    """``forward`` at one static length as a coremltools model that computes in float16."""
    import coremltools as ct

    example = torch.zeros(1, length, dtype=torch.int32), torch.ones(1, length, dtype=torch.int32)
    with torch.no_grad():
        program = torch.export.export(forward, example).run_decompositions({})
    _forget_aliases(program)
    return ct.convert(program, outputs=[ct.TensorType(OUTPUT)], convert_to="mlprogram", compute_precision=ct.precision.FLOAT16,
                      minimum_deployment_target=ct.target[TARGET], pass_pipeline=_passes(weights), skip_model_load=True)


def _forget_aliases(program: Any) -> None:
    """A slice of everything is exported as an alias, which coremltools does not know."""
    for node in list(program.graph.nodes):
        if node.target is torch.ops.aten.alias.default:
            node.replace_all_uses_with(node.args[0])
            program.graph.erase_node(node)


def _passes(weights: str) -> Any:
    """coremltools' passes, and after them those that store matrices (of ``linear`` and ``gather``, no other constants) in fewer bits."""
    import coremltools as ct
    from coremltools.optimize import coreml as cto

    if weights not in VARIANTS:
        raise EdgeError(f"weights {weights!r}: expected one of {', '.join(VARIANTS)}; name one of them")
    int8 = cto.OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int8", granularity="per_channel", weight_threshold=0)
    palette = cto.OpPalettizerConfig(mode="custom", lut_function=_palette, granularity="per_grouped_channel", group_size=GROUP,
                                     weight_threshold=0)
    wanted = {"fp16": {}, "int8": {"linear_quantize_weights": {"gather": int8, "linear": int8}},
              "palette4": {"linear_quantize_weights": {"gather": int8}, "palettize_weights": {"linear": palette}}}
    passes = ct.PassPipeline()
    for name, configs in wanted[weights].items():
        passes.append_pass(f"compression::{name}")
        passes.set_options(f"compression::{name}", {"config": cto.OptimizationConfig(op_type_configs=configs)})
    return passes


def _palette(group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best 16 values for one group of weights, and the index of each weight's: exact K-means in one dimension.

    Of coremltools' own two ways to find them this one is exact, and needs no scikit-learn; it is not what it would choose
    for groups of less than 10,000 weights.
    """
    from coremltools.models.neural_network.quantization_utils import _get_kmeans_lookup_table_and_weight as kmeans

    key = hashlib.sha256(group.tobytes()).digest()
    if key not in _palettes:
        values, indices = kmeans(4, group, force_kmeans1d=True)
        _palettes[key] = values.astype(group.dtype), indices.astype(np.uint8)
    return _palettes[key]


_palettes: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
"""By the group: every length of a package asks for the same ones."""
