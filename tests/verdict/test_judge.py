"""One measurement, one target, five states."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import EdgeError
from pipeline.measure.measurement import Exact, NotMeasured, Paired, PairedSample, Proportion, Sample
from pipeline.verdict.judge import judge
from pipeline.verdict.thresholds import Target


def target(**changes):
    base = {"id": "x", "title": "x", "caption": "x", "phase": "1", "source": "x", "metric": "accuracy", "unit": "proportion",
            "statistic": "proportion", "comparison": ">", "target": 0.9, "confidence": 0.95, "about": "behaviour"}
    return Target(**{**base, **changes})


def proportion(k, n, **more):
    return Proportion("accuracy", "proportion", outcomes=[1] * k + [0] * (n - k), **more)


LOSS = target(metric="loss", statistic="non_inferiority", comparison="<", target=0.02, unit="points")
GAIN = target(metric="gain", statistic="superiority", comparison=">", target=0.0, unit="points")
P95 = target(metric="latency", statistic="percentile", percentile=0.95, comparison="<", target=100, unit="ms", confidence=0.99)
RATIO = target(metric="speedup", statistic="ratio", comparison=">", target=2, unit="ratio")
PEAK = target(metric="peak_rss", statistic="maximum", comparison="<", target=200, unit="MB", smallest_n=3)
SIZE = target(metric="size", statistic="exact", comparison="<", target=250, unit="MB")


@pytest.mark.parametrize(("k", "n", "state"), [
    (950, 1000, "pass"), (91, 100, "inconclusive"), (850, 1000, "fail"), (900, 1000, "inconclusive")])
def test_a_proportion_is_judged_by_its_bound(k, n, state):
    assert judge(proportion(k, n), target()).state == state


def test_inconclusive_says_how_many_samples_settle_it():
    verdict = judge(proportion(184, 200), target())
    assert verdict.state == "inconclusive" and verdict.needed
    n = verdict.needed
    assert judge(proportion(round(0.92 * n), n), target()).state == "pass"
    assert str(n) in verdict.message


def test_fewer_than_the_smallest_n_never_pass():
    assert judge(proportion(300, 300), target(smallest_n=500)).state == "inconclusive"


def test_a_loss_is_paired():
    same = [1] * 960 + [0] * 40
    assert judge(Paired("loss", "points", reference=same, candidate=same), LOSS).state == "pass"
    worse = [1] * 900 + [0] * 100
    verdict = judge(Paired("loss", "points", reference=same, candidate=worse), LOSS)
    assert verdict.state == "fail" and verdict.p_value < 0.001 and verdict.value == pytest.approx(0.06)


def test_a_gain_must_be_shown():
    edge, model = [1] * 500 + [0] * 500, [1] * 950 + [0] * 50
    assert judge(Paired("gain", "points", reference=edge, candidate=model), GAIN).state == "pass"
    assert judge(Paired("gain", "points", reference=model, candidate=edge), GAIN).state == "fail"
    assert judge(Paired("gain", "points", reference=edge, candidate=edge), GAIN).state == "inconclusive"


@pytest.mark.parametrize(("slow", "n", "state"), [(0, 90, "pass"), (0, 89, "inconclusive"), (5, 259, "pass"), (60, 259, "fail")])
def test_a_percentile_is_judged_by_its_order_statistic(slow, n, state):
    assert judge(Sample("latency", "ms", values=[10.0] * (n - slow) + [150.0] * slow), P95).state == state


def test_a_ratio_comes_from_interleaved_pairs():
    assert judge(PairedSample("speedup", "ms", reference=[30.0] * 50, candidate=[10.0] * 50), RATIO).state == "pass"
    assert judge(PairedSample("speedup", "ms", reference=[15.0] * 50, candidate=[10.0] * 50), RATIO).state == "fail"


def test_the_largest_value_gates():
    assert judge(Sample("peak_rss", "MB", values=[150, 160, 199]), PEAK).state == "pass"
    assert judge(Sample("peak_rss", "MB", values=[150, 160, 201]), PEAK).state == "fail"
    assert judge(Sample("peak_rss", "MB", values=[150, 160]), PEAK).state == "inconclusive"


def test_targets_are_strict():
    assert judge(Exact("size", "MB", value=249.9), SIZE).state == "pass"
    assert judge(Exact("size", "MB", value=250.0), SIZE).state == "fail"


def test_broken_conditions_are_invalid_however_good_the_figure():
    verdict = judge(Sample("latency", "ms", values=[1.0] * 200, invalid="another process used a core"), P95)
    assert verdict.state == "invalid" and "another process" in verdict.message


def test_where_it_does_not_count_the_figure_is_indicative_and_never_passes():
    verdict = judge(Sample("latency", "ms", values=[1.0] * 200), P95, "not an M4")
    assert (verdict.state, verdict.indicative, verdict.value) == ("not_measured", True, 1.0)


def test_not_measured_keeps_its_reason():
    assert judge(NotMeasured("peak_rss", "MB", reason="no meter"), PEAK).message == "no meter"


@pytest.mark.parametrize("broken", [Exact("size", "MB", value=math.nan), Exact("size", "MB")])
def test_no_number_is_invalid(broken):
    assert judge(broken, SIZE).state == "invalid"


@pytest.mark.parametrize(("measurement", "against"), [
    (Exact("accuracy", "proportion", value=1.0), target()), (Proportion("latency", "ms", outcomes=[1]), P95),
    (Proportion("accuracy", "proportion"), target()), (Sample("latency", "ms"), P95),
    (Paired("loss", "points", reference=[1], candidate=[1, 0]), LOSS),
])
def test_a_shape_that_does_not_fit_or_an_empty_one_is_an_error_not_a_verdict(measurement, against):
    with pytest.raises(EdgeError, match="claim x"):
        judge(measurement, against)


@pytest.mark.parametrize(("measurement", "against", "found"), [
    (Sample("cold_start", "ms", values=[1.0] * 200), P95, "cold_start in ms"),
    (Sample("latency", "MB", values=[1.0] * 200), P95, "latency in MB"),
    (Sample("uss", "MB", values=[1.0] * 3), PEAK, "uss in MB"),
    (PairedSample("latency", "ms", reference=[9.0] * 50, candidate=[1.0] * 50), RATIO, "latency in ratio"),
    (NotMeasured("power", "mW", reason="no meter"), PEAK, "power in mW"),
])
def test_another_metric_or_unit_than_the_claims_own_is_never_judged(measurement, against, found):
    with pytest.raises(EdgeError, match=f"found {found}"):
        judge(measurement, against)


def test_a_percentile_is_a_value_that_was_seen():
    verdict = judge(Sample("latency", "ms", values=[10.0] * 189 + [20.0] * 11), P95)
    assert verdict.value == 20.0 and verdict.lower <= verdict.value


ORDER = {"fail": 0, "inconclusive": 1, "pass": 2}


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
def test_one_more_success_never_worsens_the_verdict(pair):
    k, n = pair
    assert ORDER[judge(proportion(k, n), target()).state] <= ORDER[judge(proportion(k + 1, n), target()).state]


@given(st.lists(st.floats(1, 500), min_size=1, max_size=150), st.floats(0, 100))
def test_slower_never_improves_the_verdict(values, delay):
    before = judge(Sample("latency", "ms", values=values), P95)
    after = judge(Sample("latency", "ms", values=[v + delay for v in values]), P95)
    assert ORDER[after.state] <= ORDER[before.state]
