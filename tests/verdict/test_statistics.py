"""Bounds hold what they promise: known values, laws, and coverage on known distributions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import ndtri, xlogy

from pipeline.verdict.statistics import (
    clopper_pearson,
    clustered_proportion,
    mcnemar_p,
    median_ratio_bounds,
    paired_difference,
    percentile_bounds,
    smallest_settling_n,
)


@pytest.mark.parametrize(("target", "n", "needed"), [
    (0.9, 100, 96), (0.9, 1000, 916), (0.85, 300, 266), (0.99, 300, 300), (0.99, 500, 499)])
def test_clopper_pearson_gives_the_published_sample_sizes(target, n, needed):
    assert clopper_pearson(needed, n, 0.95).lower > target
    assert clopper_pearson(needed - 1, n, 0.95).lower <= target


def test_a_hundred_samples_never_show_more_than_99_percent():
    assert clopper_pearson(100, 100, 0.95).lower < 0.99


@pytest.mark.parametrize(("slower", "n", "confidence"), [
    (0, 90, 0.99), (1, 130, 0.99), (5, 259, 0.99), (0, 59, 0.95), (1, 93, 0.95), (5, 208, 0.95)])
def test_percentile_bound_is_the_load_generators_rule(slower, n, confidence):
    def upper(count):
        return percentile_bounds([1.0] * (count - slower) + [200.0] * slower, 0.95, confidence).upper
    assert upper(n) == 1.0
    assert upper(n - 1) > 100


counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, st.sampled_from([0.9, 0.95, 0.99]))
def test_clopper_pearson_holds_the_rate_and_widens_with_confidence(pair, confidence):
    k, n = pair
    bounds, wider = clopper_pearson(k, n, confidence), clopper_pearson(k, n, 0.999)
    assert 0 <= bounds.lower <= k / n <= bounds.upper <= 1
    assert wider.lower <= bounds.lower and bounds.upper <= wider.upper


answers = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=200)


@given(answers)
def test_paired_difference_is_antisymmetric_and_holds_the_difference(pairs):
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    forth, back = paired_difference(a, b, 0.95), paired_difference(b, a, 0.95)
    assert forth.lower <= np.mean(a) - np.mean(b) + 1e-9
    assert forth.upper >= np.mean(a) - np.mean(b) - 1e-9
    assert forth.lower == pytest.approx(-back.upper, abs=1e-8)
    assert mcnemar_p(a, b) == mcnemar_p(b, a)
    assert 0 < mcnemar_p(a, b) <= 1


@pytest.mark.parametrize(("lost", "won", "n"), [(12, 1, 44), (30, 10, 1000), (0, 7, 50)])
def test_the_upper_bound_is_where_the_score_test_turns(lost, won, n):
    """At the bound, (observed - delta) / its standard error under the numerically maximised likelihood is -z."""
    both = [1] * (n - lost - won)
    delta = paired_difference([1] * lost + [0] * won + both, [0] * lost + [1] * won + both, 0.95).upper

    def loss(q):  # q: the probability of "won" when that of "lost" is q + delta
        return -(xlogy(lost, q + delta) + xlogy(won, q) + xlogy(n - lost - won, 1 - 2 * q - delta))
    q = minimize_scalar(loss, bounds=(max(0, -delta), (1 - delta) / 2), method="bounded", options={"xatol": 1e-12}).x
    score = (lost - won - n * delta) / np.sqrt(n * (2 * q + delta - delta**2))
    assert score == pytest.approx(-1.6449, abs=2e-3)


@given(st.lists(st.floats(0.1, 1e4), min_size=1, max_size=300), st.sampled_from([0.5, 0.9, 0.95]))
def test_percentile_bounds_enclose_the_percentile_and_scale(values, q):
    lower, upper = percentile_bounds(values, q, 0.95)
    assert lower <= np.quantile(values, q, method="inverted_cdf") <= upper
    doubled = percentile_bounds([2 * v for v in values], q, 0.95)
    assert doubled == (2 * lower, 2 * upper)


def test_too_few_samples_give_no_bound():
    assert percentile_bounds([1.0] * 58, 0.95, 0.95).upper == float("inf")
    assert percentile_bounds([1.0], 0.5, 0.95) == (float("-inf"), float("inf"))


def test_ratio_bounds_are_one_for_equals_and_two_for_twice():
    assert median_ratio_bounds([4.0] * 30, [2.0] * 30, 0.95) == (2.0, 2.0)


@pytest.mark.parametrize("rate", [0.85, 0.93, 0.99])
def test_clopper_pearson_covers(rate):
    drawn = np.random.default_rng(7).binomial(300, rate, size=2000)
    assert np.mean([clopper_pearson(int(k), 300, 0.95).lower <= rate for k in drawn]) >= 0.95 - 0.015


@pytest.mark.parametrize(("lost", "won"), [(0.03, 0.01), (0.005, 0.005), (0.1, 0.08)])
def test_paired_difference_covers(lost, won):
    drawn = np.random.default_rng(11).multinomial(1000, [lost, won, 1 - lost - won], size=600)
    covered = [paired_difference([1] * b + [0] * c + [1] * s, [0] * b + [1] * c + [1] * s, 0.95).upper >= lost - won for b, c, s in drawn]
    assert np.mean(covered) >= 0.95 - 0.025


@pytest.mark.parametrize("q", [0.5, 0.95])
def test_percentile_bounds_cover(q):
    rng = np.random.default_rng(13)
    true = np.exp(ndtri(q))
    bounds = [percentile_bounds(rng.lognormal(0, 1, 259), q, 0.95) for _ in range(1500)]
    assert np.mean([b.upper >= true for b in bounds]) >= 0.95 - 0.015
    assert np.mean([b.lower <= true for b in bounds]) >= 0.95 - 0.015


@given(st.integers(1, 5000), st.integers(1, 50))
def test_smallest_settling_n_finds_the_edge(edge, start):
    assert smallest_settling_n(lambda n: n >= edge, start) == max(edge, start)


def test_smallest_settling_n_gives_up():
    assert smallest_settling_n(lambda n: False, 1, limit=1000) is None


@given(st.lists(st.integers(0, 1), min_size=2, max_size=300), st.sampled_from([0.9, 0.95, 0.99]))
@settings(deadline=None)
def test_clusters_of_one_trial_are_never_narrower_than_clopper_pearson(outcomes, confidence):
    alone = clopper_pearson(sum(outcomes), len(outcomes), confidence)
    found = clustered_proportion(outcomes, [1] * len(outcomes), confidence)
    assert found.lower <= alone.lower + 1e-9 and alone.upper <= found.upper + 1e-9
    assert found == pytest.approx(alone, abs=1 / len(outcomes))


def test_trials_that_go_together_count_as_few():
    assert clustered_proportion([10] * 20, [10] * 20, 0.95).lower < clopper_pearson(20, 20, 0.95).lower
    whole = clustered_proportion([10] * 10 + [0] * 10, [10] * 20, 0.95)
    assert whole.lower < clopper_pearson(10, 20, 0.95).lower + 0.01 and whole.upper > clopper_pearson(10, 20, 0.95).upper - 0.01


def test_clustered_bounds_cover_where_bounds_that_ignore_the_clusters_do_not():
    rng, texts, tokens, rate = np.random.default_rng(5), 40, 25, 0.9
    rates = rng.beta(rate * 4, (1 - rate) * 4, (1000, texts))  # a text's tokens succeed together
    drawn = rng.binomial(tokens, rates)
    clustered = np.mean([clustered_proportion(row.tolist(), [tokens] * texts, 0.95).lower <= rate for row in drawn])
    ignored = np.mean([clopper_pearson(int(row.sum()), texts * tokens, 0.95).lower <= rate for row in drawn])
    assert clustered >= 0.93 and ignored < 0.85
