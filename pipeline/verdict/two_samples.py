"""Whether a new sample comes from where a reference sample came: p-values that hold whatever that distribution is, and for a finite
reference, since both samples are taken as drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import kolmogorov
from scipy.stats import hypergeom


def exceedances_p(count: int, n: int, rank: int, reference: int) -> float:
    """One-sided exact p of ``count`` or more of ``n`` new values above the ``rank``-th smallest of ``reference`` values.

    The precedence test (Nelson 1963, Technometrics 5:491): ``count`` are above it exactly if, of the rank + n - count smallest of all
    values, at least ``rank`` are the reference's.  With ties, counting what is strictly above errs on the safe side.
    """
    return float(hypergeom.sf(rank - 1, reference + n, reference, rank + n - count))


def smirnov_p(reference: np.ndarray, sample: np.ndarray) -> tuple[float, float]:
    """(D, two-sided p) of the largest distance between two empirical distributions (Smirnov 1948); ``reference`` sorted.

    The p is the limit's, which is too large for finite samples and for ties: it errs on the safe side.
    """
    m, n = len(reference), len(sample)
    points = np.concatenate([reference, sample])
    ordered = np.sort(sample)
    distance = np.abs(np.searchsorted(reference, points, "right") / m - np.searchsorted(ordered, points, "right") / n).max()
    return float(distance), float(kolmogorov(distance * np.sqrt(m * n / (m + n))))


def shares_p(reference: Sequence[int], sample: Sequence[int]) -> np.ndarray:
    """For each category the exact two-sided p that its share is the reference's, from counts (Fisher 1935), times the number of
    categories: the smallest is a p for all of them (Bonferroni)."""
    before, now = np.asarray(reference, int), np.asarray(sample, int)
    drawn = (before.sum() + now.sum(), before + now, now.sum())
    one_side = np.minimum(hypergeom.cdf(now, *drawn), hypergeom.sf(now - 1, *drawn))
    return np.minimum(1.0, 2 * len(before) * one_side)
