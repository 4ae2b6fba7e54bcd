"""What a method makes of a matrix, in compressed-tensors' own terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.quantize.config import QuantizationConfig

if TYPE_CHECKING:
    from compressed_tensors.quantization import QuantizationScheme

TARGETS = ["Linear"]
_PRESETS = {"fp8-static": "FP8", "fp8-dynamic": "FP8_DYNAMIC", "int8-dynamic": "W8A8"}


def scheme(config: QuantizationConfig) -> QuantizationScheme:
    """The scheme of a method, with the format in which its codes are kept."""
    from compressed_tensors.compressors.format import infer_module_format
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    from compressed_tensors.quantization.quant_scheme import preset_name_to_scheme
    from torch.nn import Linear

    if config.method in _PRESETS:
        made = preset_name_to_scheme(_PRESETS[config.method], TARGETS)
    else:
        made = QuantizationScheme(targets=TARGETS, weights=QuantizationArgs(type="int", dynamic=False, **_integers(config)))
    return made.model_copy(update={"format": infer_module_format(Linear, made)})


def _integers(config: QuantizationConfig) -> dict[str, Any]:
    if config.method == "int8-weight":
        return {"num_bits": 8, "strategy": "channel", "symmetric": True}
    return {"num_bits": 4, "strategy": "group", "group_size": config.group_size, "symmetric": config.symmetric}


def quantization_config(config: QuantizationConfig, kept: list[str]) -> dict[str, Any]:
    """What config.json says of it.  kept: the linear modules that stay as they are, by name."""
    from compressed_tensors import __version__
    from compressed_tensors.quantization import QuantizationConfig as Stored

    chosen = scheme(config)
    stored = Stored(config_groups={"matrices": chosen}, ignore=kept, quantization_status="compressed", format=chosen.format.value)
    return {**stored.model_dump(mode="json"), "version": __version__}
