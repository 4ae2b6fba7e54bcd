"""The measured figures that predictions rest on and are checked against, with their sources."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.compress.plan import Plan
from pipeline.plan.device import Device, Positive, load_device
from pipeline.profile import Section
from pipeline.yaml_file import read_model

PUBLISHED = Path(__file__).with_suffix(".yaml")
Quantity = Literal["decode", "prefill", "first", "decision", "memory", "load"]


class Measures(Section):
    """A transformer's, as `Plan` has them."""

    vocabulary: int
    hidden: int
    layers: int
    ffn: int
    heads: int
    kv_heads: int
    head_dim: int
    tied: bool


class Published(Section):
    """One measured figure.  bits: of a weight, scales included.  mapped: weights used where their file is mapped (`Recipe`)."""

    device: str
    engine: str
    model: str
    bits: Positive
    quantity: Quantity
    tokens: Annotated[int, Field(ge=0)] = 0
    value: Positive
    source: Annotated[str, Field(min_length=5)]
    mapped: bool = False

    @property
    def plan(self) -> Plan:
        return Plan(**_file().models[self.model].model_dump(), matrix_bits=self.bits, embedding_bits=self.bits)

    @property
    def of(self) -> Device:
        return _device(self.device)


class _File(Section):
    models: dict[str, Measures]
    figures: list[Published]

    @model_validator(mode="after")
    def _models_are_known(self) -> _File:
        for figure in self.figures:
            if figure.model not in self.models:
                raise ValueError(f"figures: expected a model of {', '.join(self.models)}, found {figure.model}")
        return self


def published() -> list[Published]:
    """All of them; EdgeError for a malformed file or one whose device or engine is unknown."""
    found = _file().figures
    for figure in found:
        figure.of.unit_of(figure.engine)
    return found


@cache
def _file() -> _File:
    return read_model(PUBLISHED, _File)


_device = cache(load_device)
