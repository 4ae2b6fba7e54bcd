"""What will become of each tensor, before any is read: the dry run shows it, and the streaming backend follows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import EdgeError
from pipeline.quantize.checkpoint import Checkpoint
from pipeline.quantize.config import QuantizationConfig
from pipeline.quantize.rounding import Shape, misfit, stored_bytes
from pipeline.quantize.schemes import scheme

if TYPE_CHECKING:
    from compressed_tensors.quantization import QuantizationScheme

KEPT = "kept"
SECONDS = {"ptq": 1.5e-7, "angelslim": 3e-8, "llmcompressor": 3e-8, "fp8-static": 2e-7, "int4-gptq": 4.1e-7, "int4-awq": 1.1e-6}
"""For a weight of the matrices, on one of two cores: of a backend that only rounds, and of the methods that calibrate."""


@dataclass(frozen=True)
class Planned:
    """A tensor and what it becomes; bytes count scales, zero points and shape."""

    name: str
    shape: Shape
    becomes: str
    before: int
    after: int

    @property
    def quantised(self) -> bool:
        return self.becomes != KEPT


def plan(checkpoint: Checkpoint, config: QuantizationConfig) -> list[Planned]:
    """Every tensor, in the checkpoint's order; EdgeError for a matrix that the settings do not fit, and where nothing is left to do."""
    from compressed_tensors.utils.match import match_name

    chosen, found = scheme(config), []
    for name, header in checkpoint.tensors.items():
        ignored = any(match_name(name.removesuffix(".weight"), pattern) for pattern in config.ignore)
        if name not in checkpoint.linear or ignored:
            found.append(Planned(name, header.shape, KEPT, header.bytes, header.bytes))
            continue
        if why := misfit(header.shape, chosen):
            raise EdgeError(f"{name}: {why}")
        found.append(Planned(name, header.shape, says(chosen), header.bytes, stored_bytes(header.shape, chosen)))
    if not any(one.quantised for one in found):
        raise EdgeError(f"{checkpoint.directory}: expected a matrix to quantise, found all of them ignored; give fewer in --ignore")
    return found


def kept_modules(checkpoint: Checkpoint, planned: Iterable[Planned]) -> list[str]:
    """The linear modules that are left as they are; a tied head is one of them, though no weight of it is kept."""
    kept = [one.name.removesuffix(".weight") for one in planned if not one.quantised and one.name in checkpoint.linear]
    return sorted({*kept, "lm_head"} if checkpoint.config.get("tie_word_embeddings") else kept)


def into_shards(planned: Iterable[Planned], limit: float) -> list[list[Planned]]:
    """In their order, each shard of at most ``limit`` bytes afterwards, or of one larger tensor."""
    shards: list[list[Planned]] = []
    room = 0.0
    for one in planned:
        if not shards or one.after > room:
            shards.append([])
            room = limit
        shards[-1].append(one)
        room -= one.after
    return shards


def seconds(planned: Iterable[Planned], config: QuantizationConfig) -> float:
    """About how long it will take on two cores; ten to begin with, for the libraries."""
    weights = sum(one.shape[0] * one.shape[1] for one in planned if one.quantised)
    return 10 + weights * SECONDS.get(config.method, SECONDS[config.backend])


def says(scheme: QuantizationScheme) -> str:
    """In a few words, such as "int4, groups of 64"."""
    weights = scheme.weights
    of = {"tensor": "one scale", "channel": "a scale an output"}.get(str(weights.strategy), f"groups of {weights.group_size}")
    return f"{'fp8' if weights.type == 'float' else f'int{weights.num_bits}'}, {of}{'' if weights.symmetric else ', zero points'}"
