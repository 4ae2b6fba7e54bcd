"""Bootstrap bounds of a change, where no exact ones are known (Efron 1979); one-sided as those of `statistics`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.percentile import rank
from pipeline.verdict.statistics import Bounds

RESAMPLES, SEED = 4000, 20260101  # at 99 % each tail holds 40; the same samples always give the same bounds
AT_ONCE = 50  # resamples of many items, which would not all go into memory
BLOCK = 20  # rounds; longer than a neighbour's burst of a few decisions


def mean_bounds(nonzero: Sequence[float], n: int, confidence: float) -> Bounds:
    """Of the mean of ``n`` moves of -1, 0, 1 and the like, all of them 0 but ``nonzero``.

    One more move each way is imagined (after Agresti and Min 2005): where nothing moved, something still could have.
    """
    values, counts = np.unique(np.asarray([*nonzero, 1, -1], float), return_counts=True)
    shares = [*(counts / (n + 2)), 1 - counts.sum() / (n + 2)]
    means = _generator().multinomial(n, shares, size=RESAMPLES) @ np.append(values, 0.0) / n
    return _tails(means, confidence)


def sample_mean(values: Sequence[float], confidence: float) -> Bounds:
    """Of the mean of a sample; resampled, because a few large values may make most of it."""
    sample, n = np.asarray(values, float), len(values)
    generator = _generator()
    return _tails(np.array([sample[generator.integers(0, n, n)].mean() for _ in range(RESAMPLES)]), confidence)


def ratio_of_sums(sums: Sequence[float], sizes: Sequence[int], confidence: float) -> Bounds:
    """Of all sums over all sizes, where each item, such as a text, has a sum over parts of it that are not independent, and a size."""
    n, generator = len(sums), _generator()
    above, below = np.asarray(sums, float), np.asarray(sizes, float)
    drawn = (generator.integers(0, n, (AT_ONCE, n)) for _ in range(RESAMPLES // AT_ONCE))
    return _tails(np.concatenate([above[items].sum(axis=1) / below[items].sum(axis=1) for items in drawn]), confidence)


def percentile_change(before: Sequence[float], now: Sequence[float], q: float, confidence: float, relative: bool) -> Bounds:
    """Of the change of the q-quantile between two samples of their own, relative (0.1 = 10 % more) or in their unit."""
    generator = _generator()
    return _tails(change(_resampled(before, q, generator), _resampled(now, q, generator), relative), confidence)


def interleaved_change(before: Sequence[float], now: Sequence[float], q: float, confidence: float, relative: bool) -> Bounds:
    """`percentile_change` of samples taken in turns: rounds are drawn in blocks (Künsch 1989) with both their values.

    What drifts from round to round then moves both sides of a resample alike and cancels.
    """
    sides = [np.asarray(side, float) for side in (before, now)]
    n = len(before)
    starts = _generator().integers(0, n, size=(RESAMPLES, -(-n // BLOCK)))
    rounds = ((starts[:, :, None] + np.arange(BLOCK)) % n).reshape(RESAMPLES, -1)[:, :n]
    place = rank(n, q) - 1
    return _tails(change(*(np.partition(side[rounds], place, axis=1)[:, place] for side in sides), relative), confidence)


def change(before: np.ndarray | float, now: np.ndarray | float, relative: bool) -> np.ndarray | float:
    """How much more ``now`` is than ``before``."""
    return now / before - 1 if relative else now - before


def _resampled(values: Sequence[float], q: float, generator: np.random.Generator) -> np.ndarray:
    """The q-quantile of each resample: the place of the k-th smallest of n uniform draws is a beta variable."""
    ordered = np.sort(np.asarray(values, float))
    n, k = len(ordered), rank(len(ordered), q)
    return ordered[np.minimum((generator.beta(k, n - k + 1, RESAMPLES) * n).astype(int), n - 1)]


def _tails(draws: np.ndarray, confidence: float) -> Bounds:
    return Bounds(*(float(bound) for bound in np.quantile(draws, [1 - confidence, confidence])))


def _generator() -> np.random.Generator:
    return np.random.default_rng(SEED)
