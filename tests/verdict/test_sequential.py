"""The bounds of a running A/B test hold at every look; those of a test with a fixed number of outcomes do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from pipeline.verdict.sequential import randomised_difference

STREAMS, LENGTH, ALPHA = 200, 1000, 0.05
TOO_MANY = binom.isf(1e-4, STREAMS, ALPHA)  # streams with an alarm that no test that keeps alpha ever shows


def streams(good, treated_good, share, count=STREAMS, length=LENGTH, seed=1):
    """(arms, outcomes) of each; good may change with time."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        arms = random.random(length) < share
        yield arms, (random.random(length) < np.where(arms, treated_good, good)).astype(float)


def looked_at_each_time(arms, found):
    """Whether the usual one-sided z test of two proportions ever says that the treated are better, from the 30th outcome on."""
    n1, n0 = np.cumsum(arms), np.cumsum(~arms)
    with np.errstate(all="ignore"):
        p1, p0 = np.cumsum(found * arms) / n1, np.cumsum(found * ~arms) / n0
        z = (p1 - p0) / np.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
    return bool(np.any(z[30:] > norm.ppf(1 - ALPHA)))


@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize("good", [0.5, 0.95, np.linspace(0.95, 0.3, LENGTH)], ids=["half", "most", "ever fewer"])
def test_no_more_false_alarms_than_promised_however_often_one_looks(good, share):
    alarms = [randomised_difference(arms, found, share, 1 - ALPHA) for arms, found in streams(good, good, share)]
    assert sum(bounds.lower > 0 for bounds in alarms) <= TOO_MANY and sum(bounds.upper < 0 for bounds in alarms) <= TOO_MANY


def test_a_test_with_a_fixed_n_gives_false_alarms_when_looked_at_each_time():
    """The fault that the bounds are there for: the check above would see it."""
    assert sum(looked_at_each_time(*stream) for stream in streams(0.5, 0.5, 0.5)) > 2 * TOO_MANY


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_the_truth_is_between_the_bounds(share):
    bounds = [randomised_difference(arms, found, share, 1 - ALPHA) for arms, found in streams(0.7, 0.8, share)]
    assert sum(one.lower > 0.1 for one in bounds) <= TOO_MANY and sum(one.upper < 0.1 for one in bounds) <= TOO_MANY


def test_a_large_difference_stops_it_early():
    """0.8 against 0.9: a test with a fixed n asks for 428 outcomes to find it 9 times of 10."""
    stopped = [next(n for n in range(100, 4001, 100) if randomised_difference(arms[:n], found[:n], 0.5, 1 - ALPHA).lower > 0)
               for arms, found in streams(0.8, 0.9, 0.5, count=40, length=4000)]
    assert np.median(stopped) <= 600 and max(stopped) <= 2500


ROWS = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), max_size=60)


@given(ROWS, st.floats(0.05, 0.95), st.integers(0, 60))
def test_bounds_only_come_closer(rows, share, earlier):
    arms, found = [arm for arm, _ in rows], [value for _, value in rows]
    before, now = (randomised_difference(arms[:end], found[:end], share, 0.95) for end in (earlier, len(rows)))
    assert now.lower >= before.lower - 1e-6 and now.upper <= before.upper + 1e-6 and -1 <= now.lower and now.upper <= 1


@given(ROWS, st.floats(0.05, 0.95))
def test_the_other_way_round_it_is_the_opposite(rows, share):
    arms, found = [arm for arm, _ in rows], [value for _, value in rows]
    one = randomised_difference(arms, found, share, 0.95)
    other = randomised_difference([not arm for arm in arms], found, 1 - share, 0.95)
    assert (-other.upper, -other.lower) == pytest.approx((one.lower, one.upper), abs=1e-6)
