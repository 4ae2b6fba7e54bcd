"""What a recipe may set of `tucker`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.compress import DECOMPOSITION, WEIGHTS
from pipeline.compress.settings.factorised import Factorised

STAGE, FAMILY = WEIGHTS, DECOMPOSITION


class Settings(Factorised):
    """layers: how many neighbours share their bases; one that is left over stays dense.  rounds: of HOOI, each takes as long as the
    HOSVD.  budget, energy: of a whole stack; the energy that goes is split between inputs and outputs.
    """

    layers: Annotated[int, Field(ge=2)] = 2
    rounds: Annotated[int, Field(ge=0, le=10)] = 1
