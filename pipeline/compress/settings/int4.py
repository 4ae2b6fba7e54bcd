"""What a recipe may set of `int4`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from pipeline.compress import GRAPH, QUANTISATION
from pipeline.compress.settings import Settings as Base

if TYPE_CHECKING:
    from pipeline.compress.nbits import Form

STAGE, FAMILY = GRAPH, QUANTISATION
Method = Literal["rtn", "hqq", "k_quant"]
Group = Literal[16, 32, 64, 128, 256]


class Settings(Base):
    """How weights are kept.

    bits: of a weight.  group: how many weights along a matrix's input share a scale; it must divide every input width.
    method: rtn rounds to the nearest code; hqq fits zero points to weights with outliers; k_quant weighs large weights more.
    symmetric: no zero points; of rtn alone.  activations: int8 rounds them at each run and multiplies integers; hqq's zero
    points are no integers, so it takes float32 alone, and no 8 bits.  (The kernel does 2 bits in groups of 16 and 256 in float32
    always.)  embedding: its codes are rtn's, in groups of the same size along a row.
    """

    bits: Literal[2, 4, 8] = 4
    group: Group = 32
    method: Method = "rtn"
    symmetric: bool = False
    activations: Literal["int8", "float32"] = "float32"
    embedding: Literal["int4", "int8", "float32"] = "int8"

    @model_validator(mode="after")
    def _served(self) -> Self:
        if self.symmetric and self.method != "rtn":
            raise ValueError(f"expected symmetric false with {self.method}, whose zero points are its point; use rtn")
        if self.method == "hqq" and (self.bits == 8 or self.activations == "int8"):
            raise ValueError("expected bits 2 or 4 and activations float32 with hqq: no kernel takes its zero points otherwise")
        return self

    @property
    def form(self) -> Form:
        from pipeline.compress.nbits import Form  # with onnx
        return Form(self.bits, self.group, self.method, self.symmetric, self.activations == "int8")
