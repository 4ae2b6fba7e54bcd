"""What a recipe may set of `distil`."""

from __future__ import annotations

from pipeline.compress import DISTILLATION, WEIGHTS
from pipeline.compress.settings.training import Training

STAGE, FAMILY = WEIGHTS, DISTILLATION


class Settings(Training):
    """See `Training`; layers are compared at the same share of the depth."""
