"""The one definition of a percentile, for meters, verdicts and figures alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def percentile(values: Sequence[float], q: float) -> float:
    """The q-quantile by nearest rank, 0 < q <= 1: always a value that was seen, as its order-statistic bounds are."""
    return float(np.quantile(values, q, method="inverted_cdf"))


def rank(n: int, q: float) -> int:
    """The place of that value among ``n`` ordered ones, 1 the smallest."""
    return max(1, math.ceil(n * q - 1e-9))
