"""One-sided confidence bounds, one function each.

``lower`` and ``upper`` are each one-sided at the given confidence, so a 95 % pair is a two-sided 90 % interval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import beta, binom, norm, t


class Bounds(NamedTuple):
    lower: float
    upper: float


def clopper_pearson(successes: int, n: int, confidence: float) -> Bounds:
    """Exact bounds of a proportion (Clopper and Pearson 1934)."""
    lower = beta.ppf(1 - confidence, successes, n - successes + 1) if successes else 0.0
    upper = beta.ppf(confidence, successes + 1, n - successes) if successes < n else 1.0
    return Bounds(float(lower), float(upper))


def clustered_proportion(successes: Sequence[int], sizes: Sequence[int], confidence: float) -> Bounds:
    """Bounds of a proportion whose trials come in clusters, such as the tokens of a text (Korn and Graubard 1998, Survey Methodology
    24:193): Clopper-Pearson at the effective number of trials, p (1 - p) over the variance between clusters, with their degrees of freedom.

    It is never more than the number of trials, nor tells more where nothing varies than if each cluster were one trial.
    """
    k, n, p = len(sizes), sum(sizes), sum(successes) / sum(sizes)
    residuals = np.asarray(successes, float) - p * np.asarray(sizes, float)
    variance = k / (k - 1) * float((residuals ** 2).sum()) / n ** 2 if k > 1 else 0.0
    effective = min(float(n), p * (1 - p) / variance) if variance > 0 else float(k)
    if k > 1 and n > k:
        effective *= float((t.ppf(confidence, n - 1) / t.ppf(confidence, k - 1)) ** 2)
    hits = p * effective
    lower = beta.ppf(1 - confidence, hits, effective - hits + 1) if hits > 0 else 0.0
    upper = beta.ppf(confidence, hits + 1, effective - hits) if hits < effective else 1.0
    return Bounds(float(lower), float(upper))


def paired_difference(reference: Sequence[int], candidate: Sequence[int], confidence: float) -> Bounds:
    """Score bounds of p(reference) - p(candidate) on the same items (Tango 1998, Statistics in Medicine 17:891)."""
    return discordant_difference(*discordant(reference, candidate), len(reference), confidence)


def discordant_difference(lost: int, won: int, n: int, confidence: float) -> Bounds:
    """`paired_difference` by its counts: of ``n`` items ``lost`` were right in the reference only, ``won`` in the candidate only."""
    z = float(norm.ppf(confidence))
    return Bounds(-_tango_upper(won, lost, n, z), _tango_upper(lost, won, n, z))


def _tango_upper(lost: int, won: int, n: int, z: float) -> float:
    """The largest difference (lost - won) / n that the score test does not reject at normal quantile ``z``."""
    def score(delta: float) -> float:
        # The discordant probability under the hypothesis, by its closed-form maximum likelihood estimate.
        b = -lost - won + (2 * n - lost + won) * delta
        c = -won * delta * (1 - delta)
        q = (np.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
        variance = n * (2 * q + delta * (1 - delta))
        return (lost - won - n * delta) / np.sqrt(max(variance, 1e-300)) + z

    observed = (lost - won) / n
    edge = 1 - 1e-12
    return edge if observed >= edge or score(edge) > 0 else float(brentq(score, observed + 1e-12, edge, xtol=1e-10))


def discordant(reference: Sequence[int], candidate: Sequence[int]) -> tuple[int, int]:
    """(right only in the reference, right only in the candidate)."""
    a, b = np.asarray(reference, bool), np.asarray(candidate, bool)
    return int((a & ~b).sum()), int((~a & b).sum())


def mcnemar_p(reference: Sequence[int], candidate: Sequence[int]) -> float:
    """Exact two-sided p that reference and candidate are equally often right (McNemar 1947, binomial form)."""
    return discordant_p(*discordant(reference, candidate))


def discordant_p(lost: int, won: int) -> float:
    """`mcnemar_p` by its counts."""
    return 1.0 if lost + won == 0 else float(min(1.0, 2 * binom.cdf(min(lost, won), lost + won, 0.5)))


def percentile_bounds(values: Sequence[float], q: float, confidence: float) -> Bounds:
    """Distribution-free order-statistic bounds of the q-quantile; infinite where n is too small to give one.

    The rule of MLPerf's load generator: with 0 slower runs, 59 show P95 < T at 95 % and 90 at 99 %.
    """
    ordered = np.sort(np.asarray(values, float))
    n = len(ordered)
    # X_(r) is an upper bound when P(Bin(n, q) <= r - 1) >= confidence, a lower one when P(Bin(n, q) >= r) >= confidence.
    upper_rank = int(binom.ppf(confidence, n, q)) + 1
    lower_rank = int(binom.ppf(1 - confidence, n, q))
    if lower_rank and binom.sf(lower_rank - 1, n, q) < confidence:
        lower_rank -= 1
    lower = float(ordered[lower_rank - 1]) if lower_rank >= 1 else float("-inf")
    upper = float(ordered[upper_rank - 1]) if upper_rank <= n else float("inf")
    return Bounds(lower, upper)


def median_ratio_bounds(reference: Sequence[float], candidate: Sequence[float], confidence: float) -> Bounds:
    """Order-statistic bounds of the median of the pairwise ratios reference / candidate."""
    ratios = np.asarray(reference, float) / np.asarray(candidate, float)
    return percentile_bounds(ratios.tolist(), 0.5, confidence)


def independent_difference(before: float, n_before: int, now: float, n_now: int, confidence: float) -> Bounds:
    """Bounds of p(before) - p(now) of two samples that share no item (Newcombe 1998, Statistics in Medicine 17:873, method 10)."""
    (low_b, high_b), (low_n, high_n) = _wilson(before, n_before, confidence), _wilson(now, n_now, confidence)
    difference = before - now
    return Bounds(difference - float(np.hypot(before - low_b, high_n - now)), difference + float(np.hypot(high_b - before, now - low_n)))


def _wilson(share: float, n: int, confidence: float) -> Bounds:
    z2 = float(norm.ppf(confidence)) ** 2
    middle, half = share + z2 / (2 * n), float(np.sqrt(z2 * (share * (1 - share) + z2 / (4 * n)) / n))
    return Bounds((middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n))


def smallest_settling_n(settles: Callable[[int], bool], start: int, limit: int = 10_000_000) -> int | None:
    """The smallest n >= start for which ``settles`` holds, assuming it goes on holding; None beyond ``limit``."""
    high = max(start, 1)
    while not settles(high):
        high *= 2
        if high > limit:
            return None
    low = high // 2 if high > start else start - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if settles(middle) else (middle, high)
    return high
