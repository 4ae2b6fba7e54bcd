"""The assistant's generated splits: the documented mix, the same bytes for a seed, and apart from each other."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.assistant.courses import held_out_in
from pipeline.data.assistant.generate import counts, generate
from pipeline.data.assistant.grammars import all_templates
from pipeline.data.assistant.sample import Sample, read_samples
from pipeline.data.assistant.tasks import TASKS
from pipeline.data.assistant.truth import OPERATIONS
from pipeline.data.assistant.validate import validate_samples
from pipeline.data.near import bigrams, jaccard
from pipeline.data.speech import normalise
from pipeline.errors import EdgeError

SIZES = {"train": 400, "validation": 50, "test": 50, "challenge": 1000}
SMALL = {"train": 60, "validation": 20, "test": 20, "challenge": 60}


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Sample]]:
    return {split: read_samples(path) for split, path in generate(tmp_path_factory.mktemp("assistant")).items()}


def test_the_documented_mix(splits: dict[str, list[Sample]]) -> None:
    documented = Counter(sample.task_type for split in ("train", "validation", "test") for sample in splits[split])
    assert documented == {"course_resource": 200, "learning_tracking": 150, "simple_qa": 100, "complex_reasoning": 50}
    for split, samples in splits.items():
        assert len(samples) == SIZES[split]
        assert Counter(sample.task_type for sample in samples) == counts(SIZES[split])
        assert {sample.expected["operation"] for sample in samples if "operation" in sample.expected} == set(OPERATIONS)


@given(st.integers(10, 5000))
def test_the_shares_are_kept_to_one_sample(size: int) -> None:
    shares = counts(size)
    assert sum(shares.values()) == size and min(shares.values()) > 0
    assert all(abs(shares[task.name] - task.share * size) < 1 for task in TASKS)


def test_the_documented_fields(tmp_path: Path) -> None:
    row = json.loads(generate(tmp_path, **SMALL)["test"].read_text(encoding="utf-8").splitlines()[0])
    assert set(row) == {"instruction", "input", "output", "task_type", "route", "expected", "grammar"}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    one, same, other = (generate(tmp_path / name, seed=seed, **SMALL) for name, seed in (("a", 7), ("b", 7), ("c", 8)))
    for split in SMALL:
        assert one[split].read_bytes() == same[split].read_bytes() != other[split].read_bytes()


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**63))
def test_any_seed_gives_valid_data(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    assert validate_samples(generate(tmp_path_factory.mktemp("seed"), seed=seed, **SMALL)).findings == ()


def test_the_whole_has_no_finding(tmp_path: Path) -> None:
    report = validate_samples(generate(tmp_path))
    assert report.findings == () and report.summary["challenge"]["samples"] == 1000 and report.summary["train"]["grammars"] > 180


def test_apart_and_nothing_twice(splits: dict[str, list[Sample]]) -> None:
    keys = [normalise(sample.query) for samples in splits.values() for sample in samples]
    assert len(set(keys)) == len(keys)
    learnt = [bigrams(sample.query) for split in ("train", "validation") for sample in splits[split]]
    for sample in [*splits["test"], *splits["challenge"][::10]]:  # by brute force, not by the index
        assert max(jaccard(bigrams(sample.query), other) for other in learnt) < 0.8, sample.query


def test_held_out_courses_are_spoken_of_in_test_and_challenge_alone(splits: dict[str, list[Sample]]) -> None:
    for split, samples in splits.items():
        named = sum(bool(held_out_in(sample.query)) for sample in samples) / len(samples)
        assert named == 0 if split in ("train", "validation") else named > 0.1


def test_templates_are_used_about_equally(splits: dict[str, list[Sample]]) -> None:
    """But for those that have few things to say, such as to undo."""
    used = Counter(sample.grammar for sample in splits["challenge"] if sample.task_type == "course_resource")
    assert max(used.values()) <= 2 * sum(used.values()) / len(used)


def test_more_than_can_be_said_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EdgeError, match="at least 10 test samples"):
        generate(tmp_path, test=9)
    few = tuple(template for template in all_templates() if template.about in ("", "undo"))
    monkeypatch.setattr("pipeline.data.assistant.generate.all_templates", lambda: few)
    with pytest.raises(EdgeError, match="expected 120 different train questions of learning_tracking, found"):
        generate(tmp_path)
    assert not list(tmp_path.iterdir())
