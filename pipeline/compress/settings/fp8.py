"""What a recipe may set of `fp8`."""

from __future__ import annotations

from typing import Literal

from pipeline.compress import QUANTISATION, WEIGHTS
from pipeline.compress.settings import Calibrated

STAGE, FAMILY = WEIGHTS, QUANTISATION


class Settings(Calibrated):
    """activations: dynamic, a scale for each output channel of the weights and each token; static, one scale for each matrix
    and one for its inputs, from calibration.  The scales of activations are for runtimes that compute in FP8; an exported
    graph holds the weights' values alone."""

    activations: Literal["dynamic", "static"] = "dynamic"
