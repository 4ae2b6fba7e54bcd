"""What a recipe may set of `int8_static`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipeline.compress import GRAPH, QUANTISATION
from pipeline.compress.settings import Calibrated
from pipeline.compress.settings.int4 import Group

STAGE, FAMILY = GRAPH, QUANTISATION


class Settings(Calibrated):
    """method: how an activation's range comes from its calibration values: minmax, all of them; percentile, so many percent
    (``percentile``) of their absolute values; entropy, the range whose codes lose least information.  embedding, group: of the
    table, as in `int4`; products of two activations, as in attention, stay in float32.
    """

    method: Literal["minmax", "entropy", "percentile"] = "minmax"
    percentile: Annotated[float, Field(gt=50, lt=100)] = 99.99
    embedding: Literal["int4", "int8", "float32"] = "int8"
    group: Group = 32
