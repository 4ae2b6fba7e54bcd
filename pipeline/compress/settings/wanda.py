"""What a recipe may set of `wanda`."""

from __future__ import annotations

from pipeline.compress import PRUNING, WEIGHTS
from pipeline.compress.settings import Calibrated
from pipeline.compress.settings.sparse import Sparse

STAGE, FAMILY = WEIGHTS, PRUNING


class Settings(Sparse, Calibrated):
    """Weights are compared within their output row, as in the paper.  samples, seed: the prompts whose inputs are measured."""
