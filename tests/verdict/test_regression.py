"""A claim against its baseline: what regressed, what did not, and what cannot be compared."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.measure.measurement import Exact, NotMeasured, Paired, Proportion, Sample
from pipeline.verdict.baseline import Baseline, Kept
from pipeline.verdict.regression import Turns, compare, regression_of
from tests.verdict.test_judge import GAIN, LOSS, P95, PEAK, SIZE, target

QUERIES = [f"query {place:04}" for place in range(1500)]
ACCURACY = target(tolerance=0.02)
LATENCY = P95.model_copy(update={"tolerance": "10%"})
CONFIDENCE = 0.99


def kept(claim, measurement):
    from fixtures.check import _queries, claim_entry
    from pipeline.verdict.baseline import keep
    from pipeline.verdict.judge import judge
    queries = {entry["id"]: entry["items"] for entry in _queries(measurement)}
    return keep(claim_entry(claim, measurement, judge(measurement, claim), "test"), queries)


def shares(missed, claim=ACCURACY, items=QUERIES):
    outcomes = [int(place not in missed) for place in range(len(items))]
    return kept(claim, Proportion("accuracy", "proportion", outcomes=outcomes, items=items))


def times(factor, seed, n=400, spread=0.2):
    values = factor * np.random.default_rng(seed).lognormal(0, spread, n)
    return kept(LATENCY, Sample("latency", "ms", values=values.tolist()))


def test_lost_queries_are_a_regression_and_named():
    regression = compare(shares(range(100)), shares(range(175)), ACCURACY, CONFIDENCE, items=QUERIES)
    assert regression.state == "regressed" and regression.worse == pytest.approx(0.05)
    assert regression.lower < 0.05 < regression.upper and regression.method == "paired on the same queries"
    assert regression.flipped == {"lost": QUERIES[100:175], "gained": []}


def test_the_same_answers_are_unchanged():
    regression = compare(shares(range(100)), shares(range(100)), ACCURACY, CONFIDENCE)
    assert (regression.state, regression.worse) == ("unchanged", 0) and regression.lower < 0 < regression.upper


@pytest.mark.parametrize(("before", "now", "state"), [
    (range(100), range(108), "unchanged"),  # worse, but by less than the tolerance
    (range(100), range(125), "unsettled"),  # worse, and nobody knows whether by 2 points
    (range(100), range(60), "improved"),
    (range(100), range(50, 190), "regressed"),
    (range(150), range(75, 250), "unsettled"),  # 100 lost and 75 gained: anything from better to 2 points worse
])
def test_what_counts_is_shown_and_larger_than_the_tolerance(before, now, state):
    assert compare(shares(before), shares(now), ACCURACY, CONFIDENCE).state == state


def test_other_queries_are_compared_as_two_samples():
    others = [f"other {place}" for place in range(1500)]
    regression = compare(shares(range(100)), shares(range(250), items=others), ACCURACY, CONFIDENCE)
    assert regression.state == "regressed" and regression.method == "two samples of other queries" and not regression.flipped
    assert compare(shares(range(100)), shares(range(120), items=others), ACCURACY, CONFIDENCE).state == "unsettled"


def paired(claim, reference, candidate):
    right = [[int(place not in missed) for place in range(1500)] for missed in (reference, candidate)]
    return kept(claim, Paired(claim.metric, "points", reference=right[0], candidate=right[1], items=QUERIES))


@pytest.mark.parametrize("claim", [LOSS, GAIN])
def test_a_loss_between_two_models_regresses_with_its_candidate(claim):
    claim = claim.model_copy(update={"tolerance": 0.01})
    before = paired(claim, range(100), range(100))
    regression = compare(before, paired(claim, range(100), range(140)), claim, CONFIDENCE)
    assert regression.state == "regressed" and regression.worse == pytest.approx(40 / 1500)
    assert len(regression.flipped["lost"]) == 40
    both = compare(before, paired(claim, range(140), range(140)), claim, CONFIDENCE)
    assert (both.state, both.worse) == ("unchanged", 0)  # both models lost the same queries: the loss between them did not grow


@pytest.mark.parametrize(("factor", "state"), [(1.0, "unchanged"), (1.2, "regressed"), (0.8, "improved")])
def test_latency_is_compared_by_the_ratio_of_its_percentile(factor, state):
    regression = compare(times(10, 1, spread=0.1), times(10 * factor, 2, spread=0.1), LATENCY, CONFIDENCE)
    assert regression.state == state and regression.relative and regression.tolerance == pytest.approx(0.1)


def test_in_turns_a_machine_that_drifted_is_no_regression():
    before, now = times(10, 1), times(20, 2)
    assert compare(before, now, LATENCY, CONFIDENCE).state == "regressed"
    drift = np.linspace(10, 20, 400) * np.random.default_rng(3).lognormal(0, 0.02, (2, 400))
    assert compare(before, now, LATENCY, CONFIDENCE, Turns(*drift.tolist())).state == "unchanged"
    drift[1] *= 1.2
    assert compare(before, now, LATENCY, CONFIDENCE, Turns(*drift.tolist())).state == "regressed"


@pytest.mark.parametrize(("claim", "tolerance", "measured", "grown", "state"), [
    (SIZE, "1%", Exact("size", "MB", value=100), 1.005, "unchanged"),
    (SIZE, "1%", Exact("size", "MB", value=100), 1.02, "regressed"),
    (SIZE, 0.0, Exact("size", "MB", value=100), 1.000001, "regressed"),
    (SIZE, 3.0, Exact("size", "MB", value=100), 1.02, "unchanged"),
    (PEAK, "5%", Sample("peak_rss", "MB", values=[78, 78, 79]), 1.1, "regressed"),
    (PEAK, "5%", Sample("peak_rss", "MB", values=[78, 78, 79]), 1.03, "unchanged"),
])
def test_sizes_and_peaks_are_compared_as_they_are(claim, tolerance, measured, grown, state):
    claim = claim.model_copy(update={"tolerance": tolerance})
    before = kept(claim, measured)
    now = before.model_copy(update={"value": before.value * grown})
    assert compare(before, now, claim, CONFIDENCE).state == state


def baseline(**claims):
    return Baseline(version=1, profile="p", host_class="h", saved="2026-01-01", run="r", claims=claims)


def entry(claim, measurement):
    from fixtures.check import claim_entry
    from pipeline.verdict.judge import judge
    return claim_entry(claim, measurement, judge(measurement, claim), "test")


def test_a_figure_that_is_gone_has_stopped_and_a_broken_one_is_not_compared():
    before = baseline(x=kept(SIZE, Exact("size", "MB", value=100)))
    gone = regression_of(entry(SIZE, NotMeasured("size", "MB", reason="no file")), SIZE, {}, before, CONFIDENCE)
    assert gone.state == "stopped"
    broken = regression_of(entry(SIZE, Exact("size", "MB", value=500, invalid="a busy machine")), SIZE, {}, before, CONFIDENCE)
    assert (broken.state, broken.message) == ("not_compared", "a busy machine")
    assert regression_of(entry(SIZE, Exact("size", "MB", value=500)), SIZE, {}, baseline(other=before.claims["x"]), CONFIDENCE) is None


def test_turns_under_broken_conditions_are_not_compared():
    measured = Sample("latency", "ms", values=[1.0] * 400)
    before = baseline(x=kept(LATENCY, measured))
    assert regression_of(entry(LATENCY, measured), LATENCY, {}, before, CONFIDENCE, Turns([1.0], [9.0], "hot")).state == "not_compared"


def test_another_statistic_under_the_name_is_not_compared():
    before = shares(range(10)).model_copy(update={"metric": "routing"})
    assert compare(before, shares(range(900)), ACCURACY, CONFIDENCE).state == "not_compared"


def test_a_relative_tolerance_needs_a_baseline_above_zero():
    claim = SIZE.model_copy(update={"tolerance": "1%"})
    zero = kept(claim, Exact("size", "MB", value=0))
    assert compare(zero, zero, claim, CONFIDENCE).state == "not_compared"


missed = st.sets(st.integers(0, 199), max_size=200)


@given(missed, missed)
def test_turning_the_comparison_round_turns_the_sign(a, b):
    items = QUERIES[:200]
    there, back = (compare(shares(x, items=items), shares(y, items=items), ACCURACY, CONFIDENCE) for x, y in ((a, b), (b, a)))
    assert there.worse == pytest.approx(-back.worse) and there.lower == pytest.approx(-back.upper, abs=1e-6)
    assert there.flipped["lost"] == back.flipped["gained"]
    assert {there.state, back.state} != {"regressed"}


@given(missed)
def test_outcomes_survive_the_file(a):
    restored = Kept.model_validate(shares(a, items=QUERIES[:200]).model_dump())
    assert restored.bits("outcomes") == [int(place not in a) for place in range(200)]


@given(missed, st.randoms(use_true_random=False))
def test_the_order_of_the_queries_has_no_say(a, random):
    order = list(range(200))
    random.shuffle(order)
    measured = Proportion("accuracy", "proportion", outcomes=[int(p not in a) for p in order], items=[QUERIES[p] for p in order])
    assert kept(ACCURACY, measured) == shares(a, items=QUERIES[:200])
