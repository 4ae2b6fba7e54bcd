"""Bootstrap bounds: known values, laws, and coverage."""

import numpy as np
import pytest

from pipeline.verdict.bootstrap import interleaved_change, mean_bounds, percentile_change, ratio_of_sums
from pipeline.verdict.statistics import discordant_difference, independent_difference


def test_newcombes_published_interval():
    lower, upper = independent_difference(56 / 70, 70, 48 / 80, 80, 0.975)
    assert (round(lower, 4), round(upper, 4)) == (0.0524, 0.3339)


def test_the_short_cut_gives_what_resampling_gives():
    rng = np.random.default_rng(1)
    before, now = rng.lognormal(2, 0.3, 300), rng.lognormal(2.1, 0.3, 300)
    q = [np.quantile(rng.choice(side, (4000, 300)), 0.95, axis=1, method="inverted_cdf") for side in (before, now)]
    slow = np.quantile(q[1] / q[0] - 1, [0.05, 0.95])
    assert percentile_change(before, now, 0.95, 0.95, True) == pytest.approx(slow, abs=0.015)


def test_where_nothing_moved_something_could_have():
    lower, upper = mean_bounds([], 1500, 0.99)
    assert -0.005 < lower < 0 < upper < 0.005


def test_many_single_moves_agree_with_the_paired_score_bounds():
    assert mean_bounds([1] * 60 + [-1] * 30, 1500, 0.95) == pytest.approx(discordant_difference(60, 30, 1500, 0.95), abs=0.002)


@pytest.mark.parametrize("relative", [True, False])
def test_turning_the_sides_round_turns_the_sign_of_a_difference(relative):
    rng = np.random.default_rng(2)
    a, b = rng.lognormal(0, 0.2, 200), 2 * rng.lognormal(0, 0.2, 200)
    assert percentile_change(a, b, 0.5, 0.95, relative).lower > 0 > percentile_change(b, a, 0.5, 0.95, relative).upper


@pytest.mark.parametrize("change", [percentile_change, interleaved_change])
def test_coverage_of_the_change_of_a_percentile(change):
    rng = np.random.default_rng(4)
    runs = 300
    covered = sum(change(rng.lognormal(0, 0.2, 400), rng.lognormal(0, 0.2, 400), 0.95, 0.95, True).lower <= 0 for _ in range(runs))
    assert covered / runs > 0.91


def test_drift_widens_two_samples_and_not_interleaved_ones():
    drift = np.concatenate([np.full(200, 1.0), np.full(200, 2.0)]) * np.random.default_rng(5).lognormal(0, 0.01, (2, 400))
    apart = percentile_change(*drift, 0.5, 0.99, True)
    beside = interleaved_change(*drift, 0.5, 0.99, True)
    assert beside.upper - beside.lower < apart.upper - apart.lower


def test_a_ratio_of_sums_covers_where_items_are_of_different_sizes():
    rng, rate, found = np.random.default_rng(6), 0.3, []
    for _ in range(100):
        sizes = rng.integers(5, 60, 60)
        sums = rng.gamma(2, rate * sizes / 2)
        bounds = ratio_of_sums(sums, sizes.tolist(), 0.95)
        found.append((bounds.lower <= rate, rate <= bounds.upper, bounds.lower <= sums.sum() / sizes.sum() <= bounds.upper))
    below, above, own = np.mean(found, axis=0)
    assert below >= 0.9 and above >= 0.9 and own == 1
