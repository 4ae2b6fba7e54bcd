"""What a recipe may set of `progressive`."""

from __future__ import annotations

from typing import Literal

from pipeline.compress import PRUNING, WEIGHTS
from pipeline.compress.settings import Positive, Share
from pipeline.compress.settings import Settings as Base

STAGE, FAMILY = WEIGHTS, PRUNING


class Settings(Base):
    """sparsity, scope: as in magnitude.  steps: of training while the sparsity grows to that; hold: more with the mask as it is.
    every: steps from one pruning to the next.  batch: prompts a step.  lr: the highest rate, of AdamW, falling as a cosine.
    """

    sparsity: Share = 0.5
    scope: Literal["global", "matrix"] = "matrix"
    steps: Positive = 150
    hold: Positive = 50
    every: Positive = 10
    batch: Positive = 8
    lr: float = 5e-4
    seed: int = 42
