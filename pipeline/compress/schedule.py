"""How the learning rate goes over a training's steps."""

from __future__ import annotations

import math


def schedule(step: int, steps: int, warmup: float) -> float:
    """The learning rate's share of the highest: a linear rise, then half a cosine."""
    warm = round(warmup * steps)
    return (step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))
