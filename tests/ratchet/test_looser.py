"""The ratchet's laws: tightening is free, loosening is seen in every field, and only a newer reason speaks for it."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.ratchet.looser import Sizes, loosened, loosened_gate, ratchet, shrunk, stopped, unexcused, weakened
from pipeline.verdict.thresholds import UNITS, Gate, Target, Thresholds

WORDS = {"title": "x", "caption": "x", "phase": "1", "source": "x"}
RATE = {**WORDS, "metric": "accuracy", "unit": "proportion", "statistic": "proportion", "comparison": ">", "target": 0.9,
        "confidence": 0.95, "smallest_n": 500, "about": "behaviour", "tolerance": 0.02}
P95 = {**WORDS, "metric": "latency", "unit": "ms", "statistic": "percentile", "percentile": 0.95, "comparison": "<", "target": 100,
       "confidence": 0.99, "smallest_n": 100, "about": "scale", "tolerance": "10%"}


def target(base=RATE, **changes):
    return Target(**{**base, **changes})


@st.composite
def targets(draw):
    """Any target, from so few values that two of them often differ in one field only."""
    unit, statistic, comparison = draw(st.sampled_from(
        [(unit, statistic, comparison) for statistic, units in UNITS.items() for unit in units for comparison in "<>"
         if (statistic, comparison) not in {("non_inferiority", ">"), ("superiority", "<")}]))
    return target(
        unit=unit, statistic=statistic, comparison=comparison,
        percentile=draw(st.sampled_from([0.5, 0.95])) if statistic == "percentile" else None,
        target=draw(st.sampled_from([0.0, 0.5, 0.9])), confidence=draw(st.sampled_from([0.95, 0.99])),
        smallest_n=draw(st.sampled_from([1, 100])), tolerance=draw(st.sampled_from([0, 0.02, "1%", "10%"])),
        metric=draw(st.sampled_from(["a", "b"])), about=draw(st.sampled_from(["behaviour", "scale"])),
        host=draw(st.sampled_from(["any", "m4"])))


@given(targets(), st.text(), st.text())
def test_words_are_free(one, title, reason):
    assert loosened(one, one) == {}
    assert loosened(one, one.model_copy(update={"title": title, "caption": title, "source": title, "reason": reason})) == {}


FIGURES = st.sampled_from(["target", "confidence", "smallest_n", "tolerance", "percentile"])


@given(targets(), FIGURES, st.floats(0.51, 0.99), st.integers(1, 999))
def test_a_change_in_one_figure_is_looser_in_exactly_one_direction(one, field, figure, count):
    assume(field != "percentile" or one.percentile)
    value = {"smallest_n": count, "tolerance": f"{count}%" if one.tolerated.relative else figure}.get(field, figure)
    other = Target(**{**one.model_dump(), field: value})
    assume(other != one)
    there, back = loosened(one, other), loosened(other, one)
    assert sorted([*there, *back]) == [field]


@given(targets(), targets(), targets())
def test_what_is_looser_in_the_end_became_so_in_some_step(first, second, third):
    if loosened(first, third):
        assert loosened(first, second) or loosened(second, third)


@pytest.mark.parametrize(("base", "change", "words"), [
    (RATE, {"target": 0.85}, "target 0.9 -> 0.85"),
    (P95, {"target": 120}, "target 100 -> 120"),
    (P95, {"percentile": 0.9}, "percentile 0.95 -> 0.9"),
    ({**P95, "comparison": ">"}, {"percentile": 0.99}, "percentile 0.95 -> 0.99"),
    (RATE, {"confidence": 0.9}, "confidence 0.95 -> 0.9"),
    (RATE, {"smallest_n": 100}, "smallest_n 500 -> 100"),
    (RATE, {"tolerance": 0.03}, "tolerance 0.02 -> 0.03"),
    (P95, {"tolerance": "20%"}, "tolerance 10% -> 20%"),
    (P95, {"tolerance": 5}, "tolerance 10% -> 5"),
    (RATE, {"tolerance": "1%"}, "tolerance 0.02 -> 1%"),
    (P95, {"comparison": ">"}, "comparison < -> >"),
    (RATE, {"metric": "agreement"}, "metric accuracy -> agreement"),
    (P95, {"unit": "mW"}, "unit ms -> mW"),
    (RATE, {"statistic": "exact"}, "statistic proportion -> exact"),
    (RATE, {"host": "m4"}, "host any -> m4"),
    (RATE, {"about": "scale"}, "about behaviour -> scale"),
])
def test_each_kind_of_loosening_is_told_with_both_figures(base, change, words):
    assert list(loosened(target(base), target(base, **change)).values()) == [words]


@pytest.mark.parametrize(("base", "change"), [
    (RATE, {"target": 0.95}), (P95, {"target": 80}), (P95, {"percentile": 0.99}), (RATE, {"confidence": 0.99}),
    (RATE, {"smallest_n": 501}), (RATE, {"tolerance": 0.01}), (P95, {"tolerance": "5%"}), ({**RATE, "host": "m4"}, {"host": "any"})])
def test_tightening_is_free(base, change):
    assert loosened(target(base), target(base, **change)) == {}


def gate(*red, confidence=0.99, reason=""):
    return Gate(red=["fail", *red], regression_confidence=confidence, reason=reason)


def test_the_gate_itself_is_held_too():
    assert loosened_gate(gate("invalid"), gate()) == {"invalid": "invalid is no longer red"}
    assert loosened_gate(gate(), gate(confidence=0.999)) == {"regression_confidence": "regression_confidence 0.99 -> 0.999"}
    assert loosened_gate(gate(), gate("invalid", "regressed", "stopped", confidence=0.95)) == {}


@pytest.mark.parametrize(("history", "excused"), [
    ([(0.9, ""), (0.85, "")], False),
    ([(0.9, ""), (0.85, " \n")], False),
    ([(0.9, ""), (0.85, "why")], True),
    ([(0.9, ""), (0.85, ""), (0.85, "why")], True),
    ([(0.9, "old"), (0.85, "old")], False),
    ([(0.9, "old"), (0.85, "old\n ")], False),
    ([(0.9, "old"), (0.85, "new")], True),
    ([(0.9, ""), (0.9, "early"), (0.85, "early")], False),
    ([(0.9, ""), (0.85, "why"), (0.8, "why")], False),
    ([(0.9, ""), (0.85, "why"), (0.95, "why"), (0.85, "why")], False),
    ([(0.9, "old"), (0.9, ""), (0.85, "old")], False),
    ([(0.9, ""), (0.85, "why"), (0.7, "why"), (0.85, "why")], True),
    ([(0.9, ""), (0.8, "why"), (0.85, "why")], True),
    ([(0.9, ""), (0.85, "why"), (0.85, "")], False),
    ([(0.9, ""), (0.5, ""), (0.9, "")], True),
    ([(0.9, ""), (0.85, "why"), (0.9, ""), (0.85, "why")], True),
])
def test_only_a_reason_newer_than_the_change_speaks_for_it(history, excused):
    versions = [target(target=value, reason=reason) for value, reason in history]
    assert (unexcused(versions, loosened) == {}) is excused


@given(st.lists(targets(), min_size=1, max_size=5))
def test_without_any_reason_exactly_the_net_loosening_is_found(versions):
    assert unexcused(versions, loosened) == loosened(versions[0], versions[-1])


def thresholds(dropped=None, rule=None, **claims):
    return Thresholds(version=1, confidence=0.95, gate=rule or gate(), claims=claims, dropped=dropped or {})


def said(*versions):
    return [str(finding) for finding in ratchet(versions, "thresholds.yaml")]


def test_a_file_of_one_version_is_no_looser_than_itself():
    assert said(thresholds(a=RATE)) == []


def test_a_dropped_claim_needs_its_reason_and_a_new_one_is_free():
    before, after = thresholds(a=RATE, b=RATE), thresholds(a=RATE, c=RATE)
    assert said(before, after) == ["dropped thresholds.yaml: b: the claim is gone; put it back, or write why as `dropped: {b: ...}`"]
    assert said(before, thresholds(a=RATE, dropped={"b": " "})) != []
    assert said(before, thresholds(a=RATE, dropped={"b": "2026-11: no such meter any more"})) == []


def test_a_claim_dropped_and_put_back_looser_is_still_compared():
    assert said(thresholds(a=RATE, b=RATE), thresholds(a=RATE), thresholds(a=RATE, b={**RATE, "target": 0.5})) == [
        "loosened thresholds.yaml: b: target 0.9 -> 0.5; write why, and when, as the entry's `reason:`, or take it back"]


def test_a_looser_default_loosens_the_entries_that_it_is_spread_into():
    bare = {name: value for name, value in RATE.items() if name != "confidence"}
    files = [Thresholds(version=1, confidence=confidence, gate=gate(), claims={"a": bare, "b": RATE}) for confidence in (0.95, 0.9)]
    (line,) = said(*files)
    assert line.startswith("loosened thresholds.yaml: a: confidence 0.95 -> 0.9")


def test_the_gate_takes_a_reason_as_well():
    before = thresholds(a=RATE, rule=gate("invalid"))
    (line,) = said(before, thresholds(a=RATE, rule=gate()))
    assert line.startswith("loosened thresholds.yaml: gate: invalid is no longer red")
    assert said(before, thresholds(a=RATE, rule=gate(reason="invalid has an exit code of its own"))) == []


COUNTS = st.dictionaries(st.sampled_from("abc"), st.integers(1, 9))


@given(COUNTS, COUNTS)
def test_every_claim_of_before_is_kept_shrunk_or_stopped(before, now):
    fewer, gone = shrunk(before, now), stopped(before, now)
    assert fewer.keys() | gone.keys() == {name for name in before if now.get(name, 0) < before[name]}
    assert not fewer.keys() & gone.keys()


def test_a_baseline_that_holds_less_is_weaker():
    sizes = Sizes("reference", "linux", {"a": 1500, "b": 3})
    assert weakened(sizes, replace(sizes, n={"a": 2000, "b": 3, "c": 1})) == {}
    assert weakened(sizes, replace(sizes, n={"a": 100})) == {"b": "the figure is gone", "a": "test set shrunk from 1500 to 100"}
    assert weakened(sizes, replace(sizes, host_class="darwin")) == {"": "was of reference on linux, is of reference on darwin"}
