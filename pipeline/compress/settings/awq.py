"""What a recipe may set of `awq`."""

from __future__ import annotations

from pipeline.compress import QUANTISATION, WEIGHTS
from pipeline.compress.settings.grouped import Grouped as Settings

__all__ = ["FAMILY", "STAGE", "Settings"]
STAGE, FAMILY = WEIGHTS, QUANTISATION
