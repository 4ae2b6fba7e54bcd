"""AngelSlim's methods by the names of the project, as AngelSlim's own defaults set them, and the model families it was run with."""

from __future__ import annotations

from typing import Any

CALIBRATED = ("fp8-static", "int4-gptq", "int4-awq")
"""Those that look at prompts."""
FAMILIES = {"llama": "Llama", "qwen2": "Qwen", "qwen3": "Qwen"}
"""model_type of config.json -> AngelSlim's class.  It has classes for other families, which nobody ran here."""
_EIGHT_BITS = {"fp8-static": ("per-tensor", "per-tensor"), "fp8-dynamic": ("per-tensor", "per-tensor"),
               "int8-dynamic": ("per-channel", "per-token")}
METHODS = (*_EIGHT_BITS, "int4-gptq", "int4-awq")


def compression(method: str, group_size: int) -> dict[str, Any]:
    """AngelSlim's QuantizationConfig of a method; ``group_size`` inputs share a scale in 4 bits.  The head stays as it is."""
    common = {"name": method.replace("-", "_"), "ignore_layers": ["lm_head"]}
    if method in _EIGHT_BITS:
        weight, activation = _EIGHT_BITS[method]
        return {**common, "bits": 8, "quant_method": {"weight": weight, "activation": activation}}
    details = {"zero_point": True, "mse_range": False} if method == "int4-awq" else {}
    return {**common, "bits": 4, "quant_method": {"weight": "per-group", "group_size": group_size, **details}}
