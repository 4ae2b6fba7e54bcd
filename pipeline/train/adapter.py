"""A LoRA adapter in PEFT's layout: what it must hold, and whether it does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object
from pipeline.train.weights import Shape, count, shapes

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
# Anything here that is set makes the merged weight something other than base + (alpha/r) * B @ A.
_VARIANTS = ("use_dora", "use_rslora", "rank_pattern", "alpha_pattern", "modules_to_save", "fan_in_fan_out")


def lora_parameters(adapter: Path) -> int:
    """Number of weights in the adapter, counted from its header."""
    return count(shapes([adapter / WEIGHTS]))


def linear_modules(base: dict[str, Shape], names: Sequence[str], layers: Sequence[int] | None = None) -> list[str]:
    """Full names of the base's linear modules whose names end in ``names``: in every layer, or in ``layers`` (from 0) alone.

    base: shape by name of the base's tensors.  EdgeError for a name that stands for no module, in any of the layers.
    """
    modules = []
    for layer, name in product([None] if layers is None else layers, names):
        place = "" if layer is None else f".layers.{layer}."
        found = [weight.removesuffix(".weight") for weight, shape in base.items()
                 if f".{weight}".endswith(f".{name}.weight") and place in weight and len(shape) == 2]
        if not found:
            where = "the base" if layer is None else f"layer {layer} of the base"
            raise EdgeError(f"expected a linear module named {name} in {where}, found none; correct target_modules or layers")
        modules += sorted(found)
    return modules


def expected_shapes(base: dict[str, Shape], modules: Sequence[str], rank: int) -> dict[str, Shape]:
    """Shapes of lora_A (rank, in) and lora_B (out, rank) of each of the ``modules``, full names."""
    expected: dict[str, Shape] = {}
    for module in modules:
        rows, columns = base[f"{module}.weight"]
        expected |= {f"{lora_name(module)}.lora_A.weight": (rank, columns), f"{lora_name(module)}.lora_B.weight": (rows, rank)}
    return expected


def lora_name(module: str) -> str:
    """PEFT's name of the base's ``module``, or of the one that holds a weight of that name."""
    return f"base_model.model.{module.removesuffix('.weight')}"


def scaling(adapter: Path) -> float:
    """alpha / r of a plain LoRA adapter; EdgeError for a variant whose merged weight is another formula."""
    config = read_object(adapter / CONFIG, "a LoRA adapter's configuration")
    variants = [name for name in _VARIANTS if config.get(name)]
    if config.get("bias", "none") != "none":
        variants.append("bias")
    if config.get("peft_type") != "LORA" or variants:
        raise EdgeError(f"{adapter}: expected a plain LoRA adapter, found {config.get('peft_type')} with "
                        f"{', '.join(variants) or 'no variant'}; train one with pipeline.train.sft")
    return float(config["lora_alpha"]) / int(config["r"])


def check_adapter(adapter: Path, expected: dict[str, Shape], *, rank: int, alpha: float) -> None:
    """EdgeError unless the adapter has exactly the ``expected`` tensors, all finite, and has learned something.

    lora_B starts at zero, so all zeros means that nothing was learned.
    """
    config = read_object(adapter / CONFIG, "a LoRA adapter's configuration")
    found_rank, found_alpha = config.get("r"), config.get("lora_alpha")
    if (found_rank, found_alpha) != (rank, alpha):
        raise EdgeError(f"{adapter / CONFIG}: expected r {rank} and lora_alpha {alpha}, found {found_rank} and "
                        f"{found_alpha}; train again from an empty scratch folder")
    scaling(adapter)
    found = shapes([adapter / WEIGHTS])
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise EdgeError(f"{adapter / WEIGHTS}: expected {len(expected)} tensors of rank {rank}, "
                        f"found {len(wrong)} missing, unknown or of another shape, first {wrong[0]} "
                        f"({found.get(wrong[0])} instead of {expected.get(wrong[0])}); check target_modules")
    _check_values(adapter / WEIGHTS)


def _check_values(file: Path) -> None:
    from safetensors import safe_open

    learned = False
    with safe_open(file, "pt") as tensors:
        for name in sorted(tensors.keys()):
            tensor = tensors.get_tensor(name)
            if not tensor.isfinite().all():
                raise EdgeError(f"{file}: expected finite weights, found NaN or infinity in {name}; "
                                "lower the learning rate")
            learned |= ".lora_B." in name and bool(tensor.any())
    if not learned:
        raise EdgeError(f"{file}: expected a trained lora_B, found zeros alone; raise the learning rate or epochs")
