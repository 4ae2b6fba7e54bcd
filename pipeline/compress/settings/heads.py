"""What a recipe may set of `heads`."""

from __future__ import annotations

from pipeline.compress import PRUNING, WEIGHTS
from pipeline.compress.settings import Calibrated, Positive, Share

STAGE, FAMILY = WEIGHTS, PRUNING


class Settings(Calibrated):
    """keep: the share of groups that stay, at most.  keep_groups: how many stay, whatever ``keep`` says."""

    keep: Share = 0.75
    keep_groups: Positive | None = None
