"""The distance of two models' probabilities, and the times of several in turns."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import EdgeError
from pipeline.measure import child as child_module
from pipeline.measure.decisions import Decisions
from pipeline.measure.divergence import divergence
from pipeline.measure.in_turns import latency_in_turns
from pipeline.measure.subject import Subject
from pipeline.verdict.bootstrap import sample_mean
from tests.measure.test_meter_machine import SLOW

LABELS = ["weather_query", "simple_qa", "open_chat"]
rows = st.lists(st.tuples(*[st.floats(-800, 800)] * len(LABELS)), min_size=1, max_size=8)
temperatures = st.floats(0.3, 3)


def decisions(logits: list[tuple[float, ...]], temperature: float = 1.0) -> Decisions:
    n = len(logits)
    found = [LABELS[int(np.argmax(row))] for row in logits]
    queries = [f"q{i}" for i in range(n)]
    return Decisions("made", LABELS, temperature, queries, found, [0.9] * n, ["local"] * n, [list(row) for row in logits])


@given(rows, temperatures, st.data())
def test_it_is_never_negative_and_nothing_to_oneself(logits: list, temperature: float, data: st.DataObject) -> None:
    one = decisions(logits, temperature)
    assert divergence(one, one).values == [0.0] * len(logits)
    other = decisions(data.draw(st.lists(st.tuples(*[st.floats(-800, 800)] * 3), min_size=len(logits), max_size=len(logits))))
    measured = divergence(one, other)
    assert all(math.isfinite(value) and value >= 0 for value in measured.values) and measured.unit == "nats"
    assert measured.details["mean"] == pytest.approx(np.mean(measured.values))


@given(rows, temperatures, st.floats(-5, 5))
def test_a_shift_of_all_logits_and_a_scale_that_the_temperature_takes_back_change_nothing(
    logits: list, temperature: float, shift: float
) -> None:
    one = decisions(logits, temperature)
    shifted = decisions([tuple(value + shift for value in row) for row in logits], temperature)
    scaled = decisions([tuple(2 * value for value in row) for row in logits], 2 * temperature)
    assert divergence(one, shifted).values == pytest.approx([0] * len(logits), abs=1e-9)
    assert divergence(one, scaled).values == pytest.approx([0] * len(logits), abs=1e-9)


def test_its_value_and_its_direction() -> None:
    p, q = (0.7, 0.2, 0.1), (0.1, 0.6, 0.3)
    one, other = (decisions([tuple(math.log(share) for share in shares)]) for shares in (p, q))
    assert divergence(one, other).values[0] == pytest.approx(sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)))
    assert divergence(other, one).values[0] == pytest.approx(sum(b * math.log(b / a) for a, b in zip(p, q, strict=True)))


def test_queries_are_paired_by_what_they_are_not_by_their_place() -> None:
    one = decisions([(0.0, 5.0, 0.0), (5.0, 0.0, 0.0), (0.0, 0.0, 5.0)])
    turned = replace(one, queries=one.queries[::-1], intents=one.intents[::-1], logits=one.logits[::-1])
    assert divergence(one, turned).values == [0.0] * 3


def test_noise_that_changes_no_decision_is_seen(decided: Decisions, decided_noisily: Decisions) -> None:
    """Weights disturbed: agreement may stay whole, the probabilities do not."""
    measured = divergence(decided, decided_noisily)
    assert len(measured.values) == len(decided.queries) and measured.details["mean"] > 0.01
    assert measured.artifacts == {"reference": "key-of-tiny", "candidate": "key-of-noisy"}


@pytest.mark.parametrize("changed", [{"queries": ["q0", "q9"]}, {"labels": LABELS[::-1]}])
def test_other_queries_or_labels_are_refused(changed: dict) -> None:
    one = decisions([(1.0, 2.0, 3.0)] * 2)
    with pytest.raises(EdgeError, match="the same queries"):
        divergence(one, replace(one, **changed))


def test_no_queries_are_no_perfect_score() -> None:
    with pytest.raises(EdgeError, match="the same queries"):
        divergence(decisions([]), decisions([]))


@settings(max_examples=8, deadline=None)
@given(st.lists(st.floats(0, 10), min_size=2, max_size=30))
def test_the_bounds_of_a_mean_enclose_it_and_narrow_with_confidence(values: list[float]) -> None:
    wide, narrow = sample_mean(values, 0.99), sample_mean(values, 0.9)
    tolerance = 1e-9
    assert min(values) - tolerance <= wide.lower <= narrow.lower <= narrow.upper <= wide.upper <= max(values) + tolerance
    assert wide.lower - tolerance <= np.mean(values) <= wide.upper + tolerance


def test_the_bounds_of_a_mean_cover_it_as_often_as_they_say() -> None:
    """Of a skewed sample, as divergences are; one-sided 95 %, so that 90 % lie between, as wide as the normal bounds of so many."""
    generator = np.random.default_rng(0)
    found = [sample_mean(generator.exponential(size=150), 0.95) for _ in range(25)]
    assert 0.75 <= np.mean([low <= 1 <= high for low, high in found]) <= 1
    assert np.mean([high - low for low, high in found]) == pytest.approx(2 * 1.645 / math.sqrt(150), rel=0.15)


# --- in turns

def test_everybody_answers_every_round(subject: Subject, noisy: Subject, queries: list[str]) -> None:
    measured = latency_in_turns([subject, noisy, subject], queries, warmup=2, rounds=20)
    assert [len(sample.values) for sample in measured] == [20] * 3
    assert [sample.artifacts["model"] for sample in measured] == ["key-of-tiny", "key-of-noisy", "key-of-tiny"]
    assert all(sample.details["p50"] <= sample.details["p95"] for sample in measured)


def test_a_delay_is_told_of_the_one_that_has_it(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, noisy: Subject, queries: list[str]
) -> None:
    text = SLOW.format(seconds="0.05 if os.environ['OMP_NUM_THREADS'] == '2' else 0")
    monkeypatch.setattr(child_module, "PROGRAM", ("-P", "-c", "import os\n" + text))
    quick, slow = latency_in_turns([noisy, replace(subject, threads=2)], queries, warmup=1, rounds=5)
    assert min(slow.values) >= 50 > np.median(quick.values)


def test_a_busy_machine_is_marked(monkeypatch: pytest.MonkeyPatch, subject: Subject, noisy: Subject, queries: list[str]) -> None:
    monkeypatch.setattr("pipeline.measure.conditions.BUSY_CORES", -1.0)
    assert all("other processes used" in sample.invalid for sample in latency_in_turns([subject, noisy], queries, warmup=1, rounds=30))
