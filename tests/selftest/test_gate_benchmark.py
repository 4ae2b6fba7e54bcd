"""The gate's self-test finds a gate that is worse than wanted, and repeats of a suite are equal.  `make selftest` is the whole of it."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks.gate.__main__ import _worse_than_wanted
from benchmarks.gate.coverage import coverages
from benchmarks.gate.repeats import ROOT, Repeats, repeat
from benchmarks.gate.simulate import Rate, false_passes, regressions
from benchmarks.gate.table import page
from pipeline.verdict import statistics as st
from pipeline.verdict.thresholds import read_thresholds

THRESHOLDS = read_thresholds(ROOT / "thresholds.yaml")
EXAMPLE = Path(__file__).parents[1] / "examples/plain_project"


def claim(name, n, measurement):
    target = THRESHOLDS.claims[name]
    return {**target.model_dump(), "verdict": {"value": 0.92, "n": n, "state": "pass"}, "measurement": measurement}


@pytest.fixture(scope="module")
def record():
    times = np.random.default_rng(1).lognormal(0.3, 0.15, 400).tolist()
    return {"claims": [claim("accuracy.int8", 1500, {"shape": "proportion"}),
                       claim("latency.p50", 400, {"shape": "sample", "values": times})]}


def shares(record):
    return {(rate.claim, rate.injected): rate.share for rate in regressions(record, THRESHOLDS, 200, 1)}


def test_what_is_large_is_found_and_nothing_is_not(record):
    found = shares(record)
    assert found["accuracy.int8", "-5 points"] > 0.95 and found["latency.p50", "+20 %"] > 0.95
    assert found["accuracy.int8", "nothing"] <= 0.01 and found["latency.p50", "nothing"] <= 0.01


def test_a_gate_that_never_alarms_is_called_out(record, monkeypatch):
    monkeypatch.setattr(st, "discordant_difference", lambda *_: st.Bounds(-1.0, 1.0))
    rates = regressions(record, THRESHOLDS, 50, 1)
    problems = list(_worse_than_wanted(rates, Repeats([{}], [0], {})))
    assert problems == ["worse than wanted: accuracy.int8, -5 points: 0.0 % found, at least 95 % wanted"]


def test_a_gate_that_cries_wolf_is_called_out():
    rates = [Rate("accuracy.int8", "nothing", 1500, 40, 1000)]
    assert "4.0 % false alarms" in next(_worse_than_wanted(rates, Repeats([{}], [0], {})))


def test_a_verdict_that_changes_between_repeats_is_called_out():
    flaky = Repeats([{"a": ("pass", ""), "b": ("pass", "")}, {"a": ("fail", ""), "b": ("pass", "")}], [0, 1], {})
    assert flaky.differing() == {"a": Counter({("pass", ""): 1, ("fail", ""): 1})}
    assert list(_worse_than_wanted([], flaky)) == ["worse than wanted: a: not the same verdict in every repeat"]


def test_a_model_at_its_target_rarely_passes():
    rate, = false_passes(THRESHOLDS, {"accuracy.int8": 1500}, 2000, 1)
    assert 0 < rate.share < 0.07


def test_coverage_sees_bounds_that_are_too_narrow(monkeypatch):
    def of(name):
        return min(min(case.lower, case.upper) for case in coverages(150, 1, (0.95,), name))

    assert of("Clopper-Pearson") > 0.88
    monkeypatch.setattr(st, "clopper_pearson", lambda k, n, c: st.Bounds(k / n - 0.002, k / n + 0.002))
    assert of("Clopper-Pearson") < 0.8


@pytest.mark.slow
def test_repeats_of_a_suite_are_equal_and_the_page_says_so(tmp_path, record):
    """Four of the example here; `make selftest` repeats the real suite."""
    project = tmp_path / "project"
    shutil.copytree(EXAMPLE, project)
    found = repeat(4, tmp_path / "reports", ["."], project)
    assert len(found.verdicts) == 4 and not found.differing() and set(found.exit_codes) == {0}
    assert found.verdicts[0] == {"dates.read": ("pass", "unchanged"), "code.size": ("pass", "unchanged")}
    rates = [Rate("a", "nothing", 10, 0, 100)]
    text = page(found.record, rates, rates, rates, coverages(5, 1, (0.95,)), found, 0.99)
    assert "2 of 2 claims had the same verdict" in text and "2 also had the same state" in text
    assert "| a | nothing | 10 | 0 of 100 | 0.0 % [0.0, 3.6] |" in text
