"""What every technique's settings share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
"""A part of a whole, neither nothing nor all."""


class Settings(BaseModel):
    """A recipe's settings of one step; an unknown or misspelt name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Calibrated(Settings):
    """Settings of a technique that looks at some training queries: how many, and drawn how."""

    samples: Positive = 64
    seed: int = 42
