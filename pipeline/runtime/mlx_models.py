"""A Qwen3 of mlx-lm from an MLX model directory, without the rest of mlx-lm, which imports transformers, and so torch where it is."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object
from pipeline.train.weights import weight_files

_ALIAS = "_mlx_lm_models"


def library(name: str) -> ModuleType:
    """The module ``mlx_lm.models.NAME``, under another name: importing mlx_lm itself costs seconds and 500 MB where torch is
    installed, and lowers the process's limit of open files for good."""
    if _ALIAS not in sys.modules:
        package = find_spec("mlx_lm")
        assert package is not None and package.submodule_search_locations
        folder = Path(package.submodule_search_locations[0]) / "models"
        spec = spec_from_file_location(_ALIAS, folder / "__init__.py", submodule_search_locations=[str(folder)])
        assert spec is not None
        sys.modules[_ALIAS] = module_from_spec(spec)  # a bare namespace: the file itself is empty
    return importlib.import_module(f"{_ALIAS}.{name}")


def load_mlx(directory: Path) -> Any:
    """The model of a plain or quantised MLX directory in the types it is stored in, its weights not read yet.

    EdgeError for a missing, truncated or foreign file, and for weights that are not the configuration's.
    """
    config = read_object(directory / "config.json", "a model's configuration")
    if config.get("model_type") != "qwen3":
        raise EdgeError(f"{directory / 'config.json'}: expected model_type qwen3, found {config.get('model_type')!r}; give a Qwen3 model")
    qwen3 = library("qwen3")
    try:
        weights = {name: value for file in weight_files(directory) for name, value in mx.load(str(file), format="safetensors").items()}
        model = qwen3.Model(qwen3.ModelArgs.from_dict(config))
        weights = model.sanitize(weights)
        if "quantization" in config:
            _quantise(model, config["quantization"], weights)
        model.load_weights(list(weights.items()))
    except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise EdgeError(f"{directory}: expected an MLX model, found {_in_a_line(error)}; convert it again") from error
    model.eval()
    return model


def _quantise(model: nn.Module, settings: dict[str, Any], weights: dict[str, mx.array]) -> None:
    """Quantised layers in the place of those whose weights are: each by its own settings where it has some."""
    def chosen(path: str, module: nn.Module) -> bool | dict[str, Any]:
        own = settings.get(path)
        return own if isinstance(own, dict) else hasattr(module, "to_quantized") and f"{path}.scales" in weights

    nn.quantize(model, settings["group_size"], settings["bits"], mode=settings.get("mode", "affine"), class_predicate=chosen)


def rows(layer: nn.Module, ids: list[int]) -> mx.array:
    """The rows ``ids`` of an embedding or of a linear layer's weight, [ids, width], dequantised where it is quantised."""
    index = mx.array(ids)
    if not hasattr(layer, "bits"):
        return layer.weight[index]
    biases = layer.get("biases")
    return mx.dequantize(layer.weight[index], layer.scales[index], None if biases is None else biases[index],
                         group_size=layer.group_size, bits=layer.bits, mode=layer.mode)


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
