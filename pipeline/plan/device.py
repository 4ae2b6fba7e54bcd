"""A device: what its maker or a measurement says of its chip, in one YAML file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.errors import EdgeError
from pipeline.named import named_file, names_in
from pipeline.profile import PROFILES, Section
from pipeline.yaml_file import read_model

DEVICES = PROFILES / "devices"
Unit = Literal["cpu", "gpu", "npu"]
Arithmetic = Literal["float32", "float16", "int8"]
INT8_BITS = 9
"""Most bits of a weight, its scale included, that is multiplied as int8."""
Positive = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]


class Figure(Section):
    """A number and where it comes from; ``estimate``: nobody published it, the source says how it was derived."""

    value: Positive
    source: Annotated[str, Field(min_length=10)]
    estimate: bool = False


class Recommended(Section):
    recipe: str
    format: str = ""
    why: str


class Device(Section):
    """bandwidth: GB/s.  rates: 10^12 operations a second by unit and type of number.  memory: MB that a program may hope for.

    engines: which unit each uses there.
    """

    name: str
    chip: str
    says: str
    bandwidth: Figure
    rates: dict[Unit, dict[Arithmetic, Figure]]
    memory: Figure
    engines: dict[str, Unit]
    recommended: Recommended

    @model_validator(mode="after")
    def _engines_have_rates(self) -> Device:
        for engine, unit in self.engines.items():
            if not self.rates.get(unit):
                raise ValueError(f"engines: {engine} uses the {unit}, of which no rate stands under `rates`")
        return self

    def unit_of(self, engine: str) -> Unit:
        """EdgeError for an engine that does not run there."""
        if engine not in self.engines:
            raise EdgeError(f"device {self.name}: expected an engine of {', '.join(self.engines)}, found {engine}; choose a format or "
                            "recipe of one of these")
        return self.engines[engine]

    def rate(self, unit: Unit, bits: float) -> float:
        """Operations a second that weights of so many bits are multiplied at.

        A CPU multiplies 8 bits and fewer as int8, the rest in float32; GPU and Neural Engine make float16 of whatever is stored.
        """
        of = self.rates[unit]
        for kind in (("int8", "float32") if bits <= INT8_BITS else ("float32",)) if unit == "cpu" else ("float16", "float32", "int8"):
            if kind in of:
                return 1e12 * of[kind].value
        return 1e12 * next(iter(of.values())).value


def load_device(name: str) -> Device:
    """A device by name (in ``profiles/devices``) or by the path of a YAML file; EdgeError for an unknown or malformed one."""
    return read_model(named_file("device", name, DEVICES), Device)


def devices() -> list[str]:
    """The names of the devices that come with the project."""
    return names_in(DEVICES)
