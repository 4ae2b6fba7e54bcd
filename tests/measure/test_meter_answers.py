"""Accuracy, loss, agreement, routing and calibration: laws over all decisions, and faults planted in real ones."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import EdgeError
from pipeline.measure.accuracy import accuracy
from pipeline.measure.agreement import agreement
from pipeline.measure.calibration import brier, expected_calibration_error, negative_log_likelihood
from pipeline.measure.decisions import Decisions
from pipeline.measure.loss import paired_accuracy
from pipeline.measure.routing import draw, edge_share, routing, routing_against

INTENTS = ["weather_query", "simple_qa", "open_chat"]
intents = st.sampled_from(INTENTS)
answers = st.lists(st.tuples(intents, intents, st.booleans(), st.booleans()), min_size=1, max_size=60)
weights = st.dictionaries(intents, st.floats(0.01, 1), min_size=1)


def decisions_of(
    found: list[str], routes: list[str] | None = None, confidences: list[float] | None = None
) -> Decisions:
    n = len(found)
    logits = [[float(intent == label) for label in INTENTS] for intent in found]
    return Decisions("made", INTENTS, 1.0, [f"q{i}" for i in range(n)], found, confidences or [0.9] * n,
                     routes or ["local"] * n, logits)


def records_of(expected: list[str], clouds: list[bool] | None = None) -> list[dict[str, Any]]:
    clouds = clouds or [False] * len(expected)
    return [{"query": f"q{i}", "intent": intent, "should_route_to_cloud": cloud}
            for i, (intent, cloud) in enumerate(zip(expected, clouds, strict=True))]


@given(answers)
def test_accuracy_is_the_trace_of_its_confusion(rows: list[tuple]) -> None:
    measured = accuracy(decisions_of([row[0] for row in rows]), records_of([row[1] for row in rows]))
    table = measured.details["confusion"]
    assert sum(measured.outcomes) == sum(table[i][i] for i in range(len(table)))
    assert sum(map(sum, table)) == len(rows) == len(measured.outcomes)
    assert measured.details["wrong_count"] == len(rows) - sum(measured.outcomes)


@given(answers)
def test_agreement_is_symmetric_and_complete_with_itself(rows: list[tuple]) -> None:
    one, other = decisions_of([row[0] for row in rows]), decisions_of([row[1] for row in rows])
    there, back = agreement(one, other), agreement(other, one)
    assert there.outcomes == back.outcomes
    assert there.details["largest_logit_difference"] == back.details["largest_logit_difference"]
    assert all(agreement(one, one).outcomes) and agreement(one, one).details["largest_logit_difference"] == 0


@given(answers)
def test_a_paired_loss_is_the_flips_lost_less_those_gained(rows: list[tuple]) -> None:
    before, after = decisions_of([row[0] for row in rows]), decisions_of([row[1] for row in rows])
    records = records_of([INTENTS[len(row[0]) % 3] for row in rows])
    measured = paired_accuracy(before, after, records)
    lost, gained = len(measured.details["lost"]), len(measured.details["gained"])
    assert sum(measured.reference) - sum(measured.candidate) == lost - gained
    assert measured.reference == accuracy(before, records).outcomes


@given(answers)
def test_routing_against_a_baseline_adds_up(rows: list[tuple]) -> None:
    made = decisions_of([row[0] for row in rows], ["cloud" if row[2] else "local" for row in rows])
    records = records_of([row[1] for row in rows], [row[3] for row in rows])
    edge, cloud = (routing_against(made, records, baseline) for baseline in ("always-edge", "always-cloud"))
    assert [a + b for a, b in zip(edge.reference, cloud.reference, strict=True)] == [1] * len(rows)
    assert edge.candidate == cloud.candidate == routing(made, records).outcomes


@given(st.lists(intents, min_size=3, max_size=200), weights, st.randoms())
def test_the_scenario_keeps_its_mix_whatever_the_order(expected: list[str], mix: dict, dice: random.Random) -> None:
    records = records_of(expected)
    if not set(mix) <= set(expected):
        with pytest.raises(EdgeError, match="found none of"):
            draw(records, mix)
        return
    drawn = draw(records, mix)
    counts, total = Counter(record["intent"] for record in drawn), sum(mix.values())
    assert all(abs(counts[intent] - len(drawn) * weight / total) < 1 for intent, weight in mix.items())
    assert len({record["query"] for record in drawn}) == len(drawn)
    shuffled = dice.sample(records, len(records))
    assert {r["query"] for r in draw(shuffled, mix)} == {r["query"] for r in drawn}


def test_a_mix_in_round_numbers_is_met_exactly() -> None:
    records = records_of(["weather_query"] * 60 + ["simple_qa"] * 100 + ["open_chat"] * 100)
    mix = {"weather_query": 0.6, "simple_qa": 0.3, "open_chat": 0.1}
    expected = [record["intent"] for record in records]
    made = decisions_of(expected, ["cloud" if intent == "open_chat" else "local" for intent in expected])
    measured = edge_share(made, records, mix)
    assert measured.details["drawn"] == {"weather_query": 60, "simple_qa": 30, "open_chat": 10}
    assert sum(measured.outcomes) == 90 and len(measured.outcomes) == 100


@pytest.mark.parametrize("mix", [{}, {"simple_qa": -1.0}, {"simple_qa": 0.0}, {"simple_qa": math.nan}])
def test_a_senseless_mix_is_refused(mix: dict) -> None:
    with pytest.raises(EdgeError, match="weights"):
        draw(records_of(["simple_qa"]), mix)


@given(st.lists(st.tuples(st.integers(1, 10), st.integers(1, 5)), min_size=1, max_size=8))
def test_perfect_calibration_has_no_error(groups: list[tuple[int, int]]) -> None:
    """Of 10 m decisions with confidence k/10 exactly k m are right."""
    confidences, right = [], []
    for k, m in groups:
        confidences += [k / 10] * (10 * m)
        right += [True] * (k * m) + [False] * ((10 - k) * m)
    made = decisions_of(["simple_qa"] * len(right), confidences=confidences)
    records = records_of(["simple_qa" if ok else "open_chat" for ok in right])
    measured = expected_calibration_error(made, records)
    assert measured.value == pytest.approx(0, abs=1e-9)
    assert sum(b["n"] for b in measured.details["bins"]) == len(right)


def test_overconfidence_is_measured_by_hand() -> None:
    made = decisions_of(["simple_qa"] * 10, confidences=[0.95] * 10)
    measured = expected_calibration_error(made, records_of(["simple_qa"] * 7 + ["open_chat"] * 3))
    assert measured.value == pytest.approx(0.25)
    assert measured.details["interval"]["low"] <= 0.25 <= measured.details["interval"]["high"]
    assert measured == expected_calibration_error(made, records_of(["simple_qa"] * 7 + ["open_chat"] * 3))


def test_proper_scores_by_hand() -> None:
    made = replace(decisions_of(["simple_qa"]), logits=[[0.0, math.log(2), 0.0]])  # probabilities 1/4, 1/2, 1/4
    records = records_of(["simple_qa"])
    assert negative_log_likelihood(made, records) == pytest.approx(math.log(2))
    assert brier(made, records) == pytest.approx(0.0625 + 0.25 + 0.0625)


def test_the_real_model_is_right_and_shuffled_labels_bring_it_to_chance(
    decided: Decisions, records: list[dict[str, Any]]
) -> None:
    assert all(accuracy(decided, records).outcomes)
    labels = [record["intent"] for record in records]
    random.Random(3).shuffle(labels)
    shuffled = [{**record, "intent": label} for record, label in zip(records, labels, strict=True)]
    measured = accuracy(decided, shuffled)
    assert sum(measured.outcomes) / len(records) < 2 / 6
    assert len(measured.details["wrong"]) == 50 < measured.details["wrong_count"]


def test_disturbed_weights_lose_accuracy_and_agreement(
    decided: Decisions, decided_noisily: Decisions, records: list[dict[str, Any]]
) -> None:
    lost = paired_accuracy(decided, decided_noisily, records)
    assert len(lost.details["lost"]) > 5 and not lost.details["gained"]
    assert sum(agreement(decided, decided_noisily).outcomes) == sum(lost.candidate)
    assert agreement(decided, decided_noisily).details["largest_logit_difference"] > 1
    assert lost.artifacts == {"reference": "key-of-tiny", "candidate": "key-of-noisy"}


def test_decisions_survive_a_file(decided: Decisions, tmp_path: Path) -> None:
    decided.save(tmp_path / "decisions.json")
    assert Decisions.load(tmp_path / "decisions.json") == decided
    assert [file.name for file in tmp_path.iterdir()] == ["decisions.json"]


def test_decisions_that_cannot_be_written_are_one_line(decided: Decisions, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EdgeError, match="decisions.json: expected to write"):
        decided.save(tmp_path / "file" / "decisions.json")


@pytest.mark.parametrize("content", ["", "{}", '{"version": 1}', "[]", '{"version": 99}'])
def test_a_broken_decisions_file_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "d.json").write_text(content)
    with pytest.raises(EdgeError, match="decide again"):
        Decisions.load(tmp_path / "d.json")


def test_nothing_measured_is_no_perfect_score(decided: Decisions) -> None:
    for meter in (accuracy, routing, expected_calibration_error, brier):
        with pytest.raises(EdgeError, match="at least one record"):
            meter(decided, [])


def test_an_undecided_query_is_named(decided: Decisions) -> None:
    with pytest.raises(EdgeError, match="没问过"):
        accuracy(decided, [{"query": "没问过", "intent": "simple_qa"}])


def test_agreement_over_different_queries_is_refused(decided: Decisions) -> None:
    with pytest.raises(EdgeError, match="same queries"):
        agreement(decided, decisions_of(["simple_qa"]))
