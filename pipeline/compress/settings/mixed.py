"""What a recipe may set of `mixed`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.compress import GRAPH, QUANTISATION
from pipeline.compress.settings import Calibrated, Positive
from pipeline.compress.settings.int4 import Group

if TYPE_CHECKING:
    from pipeline.compress.nbits import Form

STAGE, FAMILY = GRAPH, QUANTISATION


class Settings(Calibrated):
    """bits: the most a matrix weight may take on average, scales not counted, from ``low`` to ``high``.  group, activations,
    embedding: as in `int4`.  samples: prompts the sensitivity is measured with; each group of matrices reads them all once.
    """

    samples: Positive = 8
    bits: Annotated[float, Field(ge=2, le=8)] = 5
    low: Literal[2, 4] = 4
    high: Literal[4, 8] = 8
    group: Group = 32
    activations: Literal["int8", "float32"] = "float32"
    embedding: Literal["int4", "int8", "float32"] = "int8"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high or not self.low <= self.bits <= self.high:
            raise ValueError(f"expected low < high and bits between them, found {self.low}, {self.high} and {self.bits}")
        return self

    def form(self, bits: int) -> Form:
        from pipeline.compress.nbits import Form  # with onnx
        return Form(bits, self.group, int8_activations=self.activations == "int8")
