"""What a recipe may set of `int8`."""

from __future__ import annotations

from pipeline.compress import GRAPH, QUANTISATION
from pipeline.compress.settings import Settings as Base

STAGE, FAMILY = GRAPH, QUANTISATION


class Settings(Base):
    """Nothing to set: a scale for each output channel."""
