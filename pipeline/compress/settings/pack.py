"""What a recipe may set of `pack`."""

from __future__ import annotations

from typing import Literal

from pipeline.compress import GRAPH, QUANTISATION
from pipeline.compress.settings import Settings as Base

STAGE, FAMILY = GRAPH, QUANTISATION


class Settings(Base):
    """activations: int8 rounds them at each run and multiplies integers.  embedding: rounded to the nearest code, in groups of 32
    along a row; float32 leaves it alone."""

    activations: Literal["int8", "float32"] = "float32"
    embedding: Literal["int4", "int8", "float32"] = "int8"
