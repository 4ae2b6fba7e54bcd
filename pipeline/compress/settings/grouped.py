"""Of techniques that keep weights in groups with a scale each, in a compressed-tensors directory."""

from __future__ import annotations

from typing import Literal

from pipeline.compress.settings import Calibrated


class Grouped(Calibrated):
    """bits: of a weight.  group: inputs that share a scale.  symmetric: no zero points."""

    bits: Literal[4, 8] = 4
    group: Literal[32, 64, 128] = 64
    symmetric: bool = False
