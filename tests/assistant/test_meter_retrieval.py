"""The meter of retrieval counts what is right by all that is stated, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.data.assistant.resource import Resource
from pipeline.data.assistant.sample import Sample
from pipeline.data.assistant.truth import matches
from pipeline.errors import EdgeError
from pipeline.measure.retrieval import retrieval
from pipeline.measure.waiting import waiting

RESOURCES = [Resource("0.pdf", "电磁学", 1, "", "slides", ("电势",), ()), Resource("1.pdf", "电磁学", 1, "", "notes", ("电势",), ()),
             Resource("2.pdf", "电磁学", 2, "", "slides", ("磁场",), ())]


@dataclass(frozen=True)
class At:
    path: str


def found(paths: str) -> Sequence[At]:
    return [At(f"{path}.pdf") for path in paths]


def sample(query: str, **expected: object) -> Sample:
    return Sample(query, "course_resource", {"course": None, "chapter": None, "topic": None, "kind": None, **expected})


def test_the_first_file_counts_and_later_ones_are_told() -> None:
    asked = [sample("01", chapter=1, kind="slides"), sample("120", chapter=1, kind="slides"), sample("9", topic="电势"),
             sample("", course="电磁学"), Sample("x", "simple_qa")]
    measured = retrieval(found, asked, RESOURCES)
    assert (measured.outcomes, measured.items) == ([1, 0, 0, 0], ["01", "120", "9", ""])
    assert measured.details["recall"] == {"1": 0.25, "3": 0.5, "5": 0.5} and measured.details["mrr"] == pytest.approx((1 + 1 / 3) / 4)
    assert [wrong["found"] for wrong in measured.details["wrong"]] == [["1.pdf", "2.pdf", "0.pdf"], ["9.pdf"], []]


@pytest.mark.parametrize(("expected", "right"), [
    ({}, True), ({"course": "电磁学", "chapter": 1, "kind": "slides", "topic": "电势"}, True), ({"course": "高数"}, False),
    ({"chapter": 0}, False), ({"kind": "notes"}, False), ({"topic": "磁场"}, False),
])
def test_a_file_is_right_when_it_is_all_that_is_stated(expected: dict[str, object], right: bool) -> None:
    assert matches(expected, RESOURCES[0]) is right


def test_without_a_question_nothing_is_measured() -> None:
    with pytest.raises(EdgeError, match="found none"):
        retrieval(found, [Sample("x", "simple_qa")], RESOURCES)


def test_waiting_takes_the_time_of_each_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_MEASURE_LOCK", str(tmp_path / "lock"))
    monkeypatch.setattr("pipeline.measure.attempts.ATTEMPTS", 1)
    asked = list[str]()

    def answer(question: str) -> None:
        asked.append(question)
        time.sleep(0.002)

    measured = waiting("retrieval_time", answer, ["甲", "乙"], items=7, rounds=30, warmup=4)
    assert len(measured.values) == 30 and len(asked) == 34 and set(asked) == {"甲", "乙"}
    assert min(measured.values) >= 2 and measured.details["p95"] >= 2 and (measured.unit, measured.conditions["items"]) == ("ms", 7)
