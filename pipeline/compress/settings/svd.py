"""What a recipe may set of `svd`."""

from __future__ import annotations

from pipeline.compress import DECOMPOSITION, WEIGHTS
from pipeline.compress.settings.factorised import Factorised

STAGE, FAMILY = WEIGHTS, DECOMPOSITION


class Settings(Factorised):
    """By itself nothing more: each matrix has a rank of its own."""
