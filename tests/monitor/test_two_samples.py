"""The two-sample tests hold their level for any distribution, and are exact where they say so."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact, ks_2samp

from pipeline.verdict.two_samples import exceedances_p, shares_p, smirnov_p


@given(st.integers(1, 5), st.integers(1, 5), st.data())
@settings(max_examples=40)
def test_exceedances_are_counted_over_all_orders_of_both_samples(m: int, n: int, data: st.DataObject) -> None:
    rank, count = data.draw(st.integers(1, m)), data.draw(st.integers(0, n))
    orders = list(combinations(range(m + n), m))  # which places the reference's values have, all equally likely
    hits = sum(sum(place not in order and place > order[rank - 1] for place in range(m + n)) >= count for order in orders)
    assert exceedances_p(count, n, rank, m) == pytest.approx(hits / len(orders))


@given(st.lists(st.integers(0, 30), min_size=2, max_size=2), st.lists(st.integers(0, 30), min_size=2, max_size=2))
def test_two_shares_are_fishers_exact_test_doubled(before: list[int], now: list[int]) -> None:
    if sum(before) and sum(now):
        each = shares_p(before, now)
        least = min(fisher_exact([before, now], side)[1] for side in ("less", "greater"))
        assert min(each) == pytest.approx(min(1.0, 2 * 2 * least))


@given(st.lists(st.integers(0, 9), min_size=3, max_size=40), st.lists(st.integers(0, 9), min_size=3, max_size=40))
def test_the_largest_distance_is_scipys_and_a_small_p_never_smaller_than_the_exact_one(one: list[int], other: list[int]) -> None:
    distance, p = smirnov_p(np.sort(np.asarray(one, float)), np.asarray(other, float))
    expected = ks_2samp(one, other, method="exact")
    assert distance == pytest.approx(expected.statistic) and (p >= expected.pvalue or p > 0.1)


@pytest.mark.parametrize("draw", [np.random.Generator.standard_normal, np.random.Generator.standard_cauchy])
def test_no_level_is_passed_more_often_than_it_says(draw) -> None:
    """At 5 %, of 800 pairs of samples of one distribution, ties and heavy tails included."""
    dice, hits = np.random.default_rng(5), np.zeros(3)
    for _ in range(800):
        before, now = np.round(np.sort(draw(dice, 200)), 1), np.round(draw(dice, 64), 1)
        hits += [exceedances_p(int((now > before[189]).sum()), 64, 190, 200) < 0.05, smirnov_p(before, now)[1] < 0.05,
                 shares_p(*(np.histogram(side, [-np.inf, -1, 0, 1, np.inf])[0] for side in (before, now))).min() < 0.05]
    assert (hits < 800 * 0.05 + 3 * np.sqrt(800 * 0.05 * 0.95)).all(), hits
