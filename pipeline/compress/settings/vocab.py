"""What a recipe may set of `vocab`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.compress import VOCABULARY, WEIGHTS
from pipeline.compress.settings import Positive
from pipeline.compress.settings import Settings as Base

STAGE, FAMILY = WEIGHTS, VOCABULARY


class Settings(Base):
    """rows: how many tokens stay, at most.  coverage: no more than make up this share of the project's corpus."""

    rows: Positive = 8192
    coverage: Annotated[float, Field(gt=0, le=1)] = 1.0
