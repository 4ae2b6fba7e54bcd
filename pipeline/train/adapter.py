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


def target_modules(base: dict[str, Shape], names: Sequence[str], layers: Sequence[int] | None) -> list[str]:
    """What PEFT shall adapt: ``names`` in every layer, or with ``layers`` (from 0) the full names of those in them alone."""
    if layers is None:
        return list(names)
    modules = []
    for layer, name in product(layers, names):
        ends = f".{name}.weight"
        found = [weight for weight in sorted(base) if f".layers.{layer}." in weight and weight.endswith(ends)]
        if not found:
            raise EdgeError(f"expected {name} in layer {layer} of the base, found none; correct target_modules or layers")
        modules += [weight.removesuffix(".weight") for weight in found]
    return modules


def expected_shapes(base: dict[str, Shape], targets: Sequence[str], rank: int) -> dict[str, Shape]:
    """Shapes of lora_A (rank, in) and lora_B (out, rank) of each module in the base whose name ends in a target."""
    expected: dict[str, Shape] = {}
    for target in targets:
        found = {name: shape for name, shape in base.items() if f".{name}".endswith(f".{target}.weight") and len(shape) == 2}
        if not found:
            raise EdgeError(f"expected a linear module named {target} in the base, found none; correct target_modules")
        for name, (rows, columns) in found.items():
            module = lora_name(name)
            expected |= {f"{module}.lora_A.weight": (rank, columns), f"{module}.lora_B.weight": (rows, rank)}
    return expected


def lora_name(weight: str) -> str:
    """PEFT's name of the module that holds the base's ``weight``."""
    return f"base_model.model.{weight.removesuffix('.weight')}"


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


def check_adapter(adapter: Path, base: dict[str, Shape], *, targets: Sequence[str], rank: int, alpha: float) -> None:
    """EdgeError unless the adapter has exactly the configured tensors, all finite, and has learned something.

    base: shape by name of the base's tensors.  lora_B starts at zero, so all zeros means that nothing was learned.
    """
    config = read_object(adapter / CONFIG, "a LoRA adapter's configuration")
    found_rank, found_alpha = config.get("r"), config.get("lora_alpha")
    if (found_rank, found_alpha) != (rank, alpha):
        raise EdgeError(f"{adapter / CONFIG}: expected r {rank} and lora_alpha {alpha}, found {found_rank} and "
                        f"{found_alpha}; train again from an empty scratch folder")
    scaling(adapter)
    expected, found = expected_shapes(base, targets, rank), shapes([adapter / WEIGHTS])
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise EdgeError(f"{adapter / WEIGHTS}: expected {len(expected)} tensors of {list(targets)} with rank {rank}, "
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
