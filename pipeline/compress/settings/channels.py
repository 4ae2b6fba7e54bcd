"""What a recipe may set of `channels`."""

from __future__ import annotations

from pipeline.compress import PRUNING, WEIGHTS
from pipeline.compress.settings import Calibrated, Positive, Share

STAGE, FAMILY = WEIGHTS, PRUNING


class Settings(Calibrated):
    """keep: the share of channels that stay, rounded to a multiple of ``multiple``, so that quantisation's groups still divide them."""

    keep: Share = 0.75
    multiple: Positive = 128
