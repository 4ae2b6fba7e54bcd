"""transformers on the CPU as a compressed-tensors directory is served: weights on their grid, and inputs rounded as it says.

`pipeline.runtime.torch_runtime` leaves inputs in float, which hides what FP8 and INT8 activations cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from pipeline.quiet import quiet
from pipeline.runtime.files import read_object
from pipeline.runtime.torch_runtime import TorchRuntime, load_model
from pipeline.train.weights import weight_files

RANGES = ("input_scale", "input_zero_point")


class TorchQuantisedRuntime(TorchRuntime):
    """The arithmetic in float32, as quantised inputs and weights would give it: slow, and no measure of speed."""

    backend = "torch-quantised"
    provider = "torch-cpu, quantisation simulated"


def open_runtime(model: Path, label_ids: Sequence[int], threads: int) -> TorchQuantisedRuntime:
    """Open a Hugging Face directory."""
    return TorchQuantisedRuntime(load_served(model), label_ids, threads)


def load_served(directory: Path) -> Any:
    """`load_model` in float32, and the inputs of each matrix rounded where the directory's ``quantization_config`` asks for that.

    Dynamic scales are found at each run, static ones are the directory's.  A model without quantised inputs is what `load_model`
    gives.  EdgeError for a directory that cannot be loaded, such as one without its static scales.
    """
    model = load_model(directory)
    config = read_object(directory / "config.json", "a model's configuration").get("quantization_config") or {}
    if not any(group.get("input_activations") for group in (config.get("config_groups") or {}).values()):
        return model
    with quiet():
        _round_inputs(model, config)
    _take_ranges(model, directory)
    return model


def _round_inputs(model: Any, config: dict[str, Any]) -> None:
    from compressed_tensors.quantization import QuantizationConfig, QuantizationStatus, apply_quantization_config

    apply_quantization_config(model, QuantizationConfig.model_validate(config), run_compressed=False)
    for module in model.modules():
        if hasattr(module, "quantization_scheme"):
            module.quantization_status = QuantizationStatus.DECOMPRESSED  # the weights hold what they stand for already


def _take_ranges(model: Any, directory: Path) -> None:
    """Static scales, from calibration: a parameter of each matrix."""
    wanted = {f"{name}.{kind}": getattr(module, kind) for name, module in model.named_modules()
              for kind in RANGES if isinstance(getattr(module, kind, None), torch.nn.Parameter)}
    for file in weight_files(directory) if wanted else ():
        with safe_open(file, "pt") as tensors:
            for name in wanted.keys() & set(tensors.keys()):
                parameter = wanted.pop(name)
                parameter.data = tensors.get_tensor(name).to(parameter.dtype).reshape(parameter.shape)
    for parameter in wanted.values():  # of zero points alone, which a symmetric range does not have: `load_model` misses a scale
        parameter.data.zero_()
