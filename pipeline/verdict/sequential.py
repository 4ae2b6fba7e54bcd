"""The difference of two arms while they run: bounds that hold at every look, so that one may stop at any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from pipeline.verdict.statistics import Bounds

Numbers = NDArray[np.float64]
CAP = 0.9  # of a bet: below 1, so that no outcome can lose all that was won


def randomised_difference(treated: Sequence[bool], outcomes: Sequence[float], share: float, confidence: float) -> Bounds:
    """Time-uniform bounds of mean(treated) - mean(others), each one-sided at the confidence however often one has looked before.

    outcomes: in [0, 1], in the order in which they came; each unit was treated by chance with probability ``share``.  The bounds are the
    intersection of those of all looks: once above a value, for ever above it.  (-1, 1) without outcomes.

    Each outcome, less the mean of those before, is weighted by the inverse of its arm's share, which makes it an unbiased and bounded
    estimate of the difference (Robins, Rotnitzky and Zhao 1994, JASA 89:846).  The bounds of its mean are by betting (Waudby-Smith and
    Ramdas 2024, JRSS B 86:1, with their predictable plug-in bets): a gambler who bets that it is above m, where it is not, ever multiplies
    his capital by 1/alpha with probability alpha at most (Ville 1939).
    """
    arms, found = np.asarray(treated, bool), np.asarray(outcomes, float)
    if not len(found):
        return Bounds(-1.0, 1.0)
    reach = 1 / min(share, 1 - share)
    weights = np.where(arms, 1 / share, -1 / (1 - share))
    estimates = weights * (found - _means_before(found, 0.5))
    return Bounds(_lower(estimates, reach, confidence), -_lower(-estimates, reach, confidence))


def _lower(estimates: Numbers, reach: float, confidence: float) -> float:
    """The largest difference that the capital of a gambler who bets on more has shown to be too small, at any time so far."""
    unit = (estimates / reach + 1) / 2  # in [0, 1]
    bets = _bets(unit, 1 - confidence)

    def short_of(difference: float) -> float:
        capital = np.cumsum(np.log1p(bets * (unit - (difference / reach + 1) / 2)))
        return float(capital.max()) + float(np.log(1 - confidence))

    if short_of(-1.0) <= 0:
        return -1.0
    return 1.0 if short_of(1.0) >= 0 else float(brentq(short_of, -1.0, 1.0, xtol=1e-9))


def _bets(unit: Numbers, alpha: float) -> Numbers:
    """What is put on each estimate, known before it: large while the variance seen is small, and ever less as time goes on."""
    times = np.arange(1, len(unit) + 1)
    means = (0.5 + np.cumsum(unit)) / (times + 1)
    variances = (0.25 + np.cumsum((unit - means) ** 2)) / (times + 1)
    before = np.concatenate(([0.25], variances[:-1]))
    return np.minimum(CAP, np.sqrt(2 * np.log(1 / alpha) / (before * times * np.log1p(times))))


def _means_before(values: Numbers, first: float) -> Numbers:
    """At each place the mean of all values before it and of one that is ``first``."""
    return (first + np.concatenate(([0.0], np.cumsum(values)[:-1]))) / np.arange(1, len(values) + 1)
