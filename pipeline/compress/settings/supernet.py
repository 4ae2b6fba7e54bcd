"""What a recipe may set of `supernet`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.compress import DISTILLATION, WEIGHTS
from pipeline.compress.settings import Positive
from pipeline.compress.settings.training import Training

STAGE, FAMILY = WEIGHTS, DISTILLATION


class Settings(Training):
    """least: how many layers stay at least in a pass.  The rest is `Training`'s."""

    least: Positive = 2
    epochs: Annotated[float, Field(gt=0)] = 2.0
