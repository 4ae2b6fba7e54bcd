"""What a recipe may set of `qat`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipeline.compress import QUANTISATION, WEIGHTS
from pipeline.compress.settings import Positive
from pipeline.compress.settings.training import Training

STAGE, FAMILY = WEIGHTS, QUANTISATION


class Settings(Training):
    """bits and group: as in the step ``int4`` that has to follow, with ``method: rtn`` and ``symmetric: true``.

    The rest is `Training`'s.  It pays where rounding hurts: on the reference model KL fell from 0.19 to 0.04 nats at 2 bits, and rose from
    0.002 to 0.003 at 4, where there was nothing to win; without ``transfer`` texts it won nothing at 2 bits either.
    """

    bits: Literal[2, 4, 8] = 4
    group: Positive = 32
    learning_rate: Annotated[float, Field(gt=0)] = 3e-4
