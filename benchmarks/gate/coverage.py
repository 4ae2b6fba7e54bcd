"""How often each interval holds the true value it is about, on distributions where that is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from pipeline.verdict import bootstrap
from pipeline.verdict import statistics as st

N, SPREAD = 400, 0.25


@dataclass(frozen=True)
class Coverage:
    """Shares of runs in which the lower and the upper bound lay on the right side of the truth."""

    interval: str
    distribution: str
    confidence: float
    lower: float
    upper: float
    runs: int


Case = tuple[str, str, float, Callable[[np.random.Generator, float], st.Bounds]]


def coverages(runs: int, seed: int, confidences: tuple[float, ...] = (0.95, 0.99), only: str = "") -> list[Coverage]:
    """Every interval of `statistics` and `bootstrap`, or those whose name begins with ``only``, at the sample sizes in use."""
    return [_coverage(*case, confidence, runs, seed) for case in _cases() if case[0].startswith(only) for confidence in confidences]


def _coverage(name: str, distribution: str, truth: float, interval: Callable[..., st.Bounds], confidence: float, runs: int,
              seed: int) -> Coverage:
    rng = np.random.default_rng(seed)
    bounds = np.array([interval(rng, confidence) for _ in range(runs)])
    return Coverage(name, distribution, confidence, float((bounds[:, 0] <= truth).mean()), float((bounds[:, 1] >= truth).mean()), runs)


def _cases() -> list[Case]:
    p95 = float(np.exp(SPREAD * norm.ppf(0.95)))
    return [
        ("Clopper-Pearson", "binomial, p 0.92, n 1,500", 0.92, lambda rng, c: st.clopper_pearson(int(rng.binomial(1500, 0.92)), 1500, c)),
        ("Clopper-Pearson", "binomial, p 0.99, n 1,600", 0.99, lambda rng, c: st.clopper_pearson(int(rng.binomial(1600, 0.99)), 1600, c)),
        ("Tango, paired", "5 % lost, 3 % won, n 1,500", 0.02, _paired(st.discordant_difference)),
        ("Tango, paired", "0.3 % lost, 0.3 % won, n 1,500", 0.0, _paired(st.discordant_difference, 0.003, 0.003)),
        ("Newcombe, two samples", "p 0.92 and 0.90, n 1,500", 0.02, lambda rng, c: st.independent_difference(
            rng.binomial(1500, 0.92) / 1500, 1500, rng.binomial(1500, 0.90) / 1500, 1500, c)),
        ("order statistics, P50", f"log-normal, n {N}", 1.0, lambda rng, c: st.percentile_bounds(_times(rng), 0.5, c)),
        ("order statistics, P95", f"log-normal, n {N}", p95, lambda rng, c: st.percentile_bounds(_times(rng), 0.95, c)),
        ("order statistics, median ratio", "log-normal pairs, n 100", 1.0,
         lambda rng, c: st.median_ratio_bounds(_times(rng, 100), _times(rng, 100), c)),
        ("bootstrap, mean of moves", "5 % up, 3 % down, n 1,500", 0.02, _paired(_moves)),
        ("bootstrap, P50 of two samples", f"log-normal, n {N}", 0.0,
         lambda rng, c: bootstrap.percentile_change(_times(rng), _times(rng), 0.5, c, True)),
        ("bootstrap, P95 of two samples", f"log-normal, n {N}", 0.0,
         lambda rng, c: bootstrap.percentile_change(_times(rng), _times(rng), 0.95, c, True)),
        ("block bootstrap, P50 in turns", f"drifting log-normal, n {N}", 0.0, lambda rng, c: _in_turns(rng, 0.5, c)),
        ("block bootstrap, P95 in turns", f"drifting log-normal, n {N}", 0.0, lambda rng, c: _in_turns(rng, 0.95, c)),
    ]


def _times(rng: np.random.Generator, n: int = N) -> np.ndarray:
    return rng.lognormal(0, SPREAD, n)


def _paired(interval: Callable[..., st.Bounds], lost: float = 0.05, won: float = 0.03) -> Callable[..., st.Bounds]:
    def draw(rng: np.random.Generator, confidence: float) -> st.Bounds:
        counts = rng.multinomial(1500, [lost, won, 1 - lost - won])
        return interval(int(counts[0]), int(counts[1]), 1500, confidence)

    return draw


def _moves(up: int, down: int, n: int, confidence: float) -> st.Bounds:
    return bootstrap.mean_bounds([1] * up + [-1] * down, n, confidence)


def _in_turns(rng: np.random.Generator, q: float, confidence: float) -> st.Bounds:
    """A machine that wanders by some 10 % while both are measured."""
    drift = np.exp(0.1 * np.cumsum(rng.normal(0, 1 / np.sqrt(N), N)))
    return bootstrap.interleaved_change(_times(rng) * drift, _times(rng) * drift, q, confidence, True)
