"""What could be served: a recipe of compression, a device format, or only so many MB of weights."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.compress.plan import Plan
from pipeline.compress.predicted import MB, plan_for, predict
from pipeline.compress.recipe import load_recipe, recipes
from pipeline.errors import EdgeError
from pipeline.plan.device import Device
from pipeline.profile import Profile

ORIGINAL = "original"
FORMATS: dict[str, tuple[float, float]] = {
    "coreml-fp16": (16, 16), "coreml-int8": (8, 8), "coreml-palette4": (4, 8),
    "litert-fp32": (32, 32), "litert-int8": (8, 8),
    "mlx-fp32": (32, 32), "mlx-bf16": (16, 16), "mlx-8bit": (8.5, 8.5), "mlx-mixed": (4.8, 4.5), "mlx-4bit": (4.5, 4.5),
    "onnx-coreml-fp16": (16, 16),
}
"""Bits of a weight of the layers and of the embedding in a format of `pipeline.export.formats`, scales included: MLX has two of 16 bits
for every 64 weights."""
PADDED = {"coreml": (64, 128), "litert": (32, 64, 128), "onnx-coreml": (32, 64, 128)}
"""Lengths that an engine with static shapes computes at: the next one."""
PREFIX = 12
"""Tokens of the prompt's fixed beginning, which some read in advance."""


@dataclass(frozen=True)
class Candidate:
    """A model as it would be served.  prefix: the prompt's beginning is read in advance.  mapped: see `Recipe`.

    trimmed: of a vocabulary that was cut, the plan has the most rows that may stay.
    """

    name: str
    engine: str
    plan: Plan
    prefix: bool = False
    mapped: bool = False
    trimmed: bool = False

    @property
    def least_bytes(self) -> float:
        return self.plan.matrices * self.plan.matrix_bits / 8 if self.trimmed else self.plan.bytes

    def tokens(self, query: int) -> int:
        """What a query of so many tokens has the engine compute."""
        whole = query + (0 if self.prefix else PREFIX)
        return next((length for length in PADDED.get(self.engine, ()) if length >= whole), whole)


def engine_of(name: str) -> str:
    """The backend that a format is for."""
    return name.rpartition("-")[0]


def candidate(name: str, profile: Profile) -> Candidate:
    """A format or a recipe (name or path) applied to the profile's model; EdgeError for an unknown one."""
    if name in FORMATS:
        engine, (matrix_bits, embedding_bits) = engine_of(name), FORMATS[name]
        plan = plan_for(profile.base).after(matrix_bits=matrix_bits, embedding_bits=embedding_bits)
        return Candidate(name, engine, plan, prefix=engine not in PADDED)
    if name == ORIGINAL:
        return Candidate(name, "onnx", plan_for(profile.base))
    recipe = load_recipe(name)
    before, *_, after = predict(recipe, profile)
    trimmed = after.plan.vocabulary < before.plan.vocabulary
    return Candidate(recipe.name, recipe.runtime, after.plan, recipe.prefix, recipe.mapped, trimmed)


def format_candidate(name: str, profile: Profile) -> Candidate:
    if name not in FORMATS:
        raise EdgeError(f"format {name!r}: expected one of {', '.join(FORMATS)}; name one of them")
    return candidate(name, profile)


def weights_candidate(megabytes: float, profile: Profile, device: Device) -> Candidate:
    """The profile's layers in so many MB, served by the engine of the device's recommended format."""
    plan = plan_for(profile.base)
    bits = 8 * megabytes * MB / (plan.matrices + plan.embedding)
    if not 0.5 <= bits <= 32:
        raise EdgeError(f"--weights-mb: expected between 0.5 and 32 bits for each of {plan.matrices + plan.embedding:,} weights, found "
                        f"{bits:.2g}; give other MB or another profile")
    engine = engine_of(device.recommended.format) or "onnx"
    return Candidate(f"{megabytes:g} MB of weights", engine, plan.after(matrix_bits=bits, embedding_bits=bits), engine not in PADDED)


def that_run_on(device: Device, profile: Profile) -> list[Candidate]:
    """The formats and recipes that an engine of the device serves: formats first."""
    names = [name for name in FORMATS if engine_of(name) in device.engines]
    served = [name for name in recipes() if load_recipe(name).runtime in device.engines]
    return [candidate(name, profile) for name in (*names, *served)]
