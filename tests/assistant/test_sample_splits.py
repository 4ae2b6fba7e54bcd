"""The assistant's generated splits: the documented mix, the same bytes for a seed, and apart from each other."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.base.corpus import utterances
from pipeline.data.assistant.asking import OPERATIONS
from pipeline.data.assistant.courses import held_out_in
from pipeline.data.assistant.generate import ask, counts, generate
from pipeline.data.assistant.grammars import Template, all_templates
from pipeline.data.assistant.sample import Sample, read_samples
from pipeline.data.assistant.slots import PATH as SLOTS
from pipeline.data.assistant.tasks import TASKS
from pipeline.data.assistant.validate import validate_samples
from pipeline.data.grammar import parse
from pipeline.data.near import NearIndex, bigrams, jaccard
from pipeline.data.speech import normalise, slip
from pipeline.edge.assistant.named import chapter_in
from pipeline.errors import EdgeError
from pipeline.yaml_file import read_yaml

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
    assert report.findings == () and report.summary["challenge"]["records"] == 1000 and report.summary["train"]["grammars"] > 180


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


def test_a_held_out_name_across_two_words_is_not_drawn() -> None:
    """有 before 机会成本 says 有机."""
    template = Template("course_resource/train/1", "course_resource", "train", "", "有{topic}吗", parse("有{topic}吗"))
    asked = [sample.query for seed in range(1000) if (sample := ask(template, random.Random(seed)))]
    assert len(asked) > 900 and not [query for query in asked if held_out_in(query)]


def test_templates_are_used_about_equally(splits: dict[str, list[Sample]]) -> None:
    """But for those that have few things to say, such as to undo."""
    used = Counter(sample.grammar for sample in splits["challenge"] if sample.task_type == "course_resource")
    there = [template for template in all_templates() if template.task == "course_resource" and template.split == "challenge"]
    assert len(used) == len(there) and max(used.values()) <= 2 * sum(used.values()) / len(there)


def alike_template(split: str, text: str) -> Template:
    return Template(f"complex_reasoning/{split}/1", "complex_reasoning", split, "", text, parse(text))


def test_no_question_comes_near_one_that_was_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = {"train": "", "validation": "，要长", "test": "，要短", "challenge": "表"}
    alike = [alike_template(split, f"帮我制定一个非常详细的{{course}}学习计划{end}") for split, end in ends.items()]
    templates = (*(one for one in all_templates() if one.task != "complex_reasoning"), *alike)
    monkeypatch.setattr("pipeline.data.assistant.generate.all_templates", lambda: templates)
    paths = generate(tmp_path, seed=1, train=30, validation=10, test=10, challenge=100)
    assert validate_samples(paths).findings == ()


def test_noise_takes_nothing_from_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where every sentence slips at several places."""
    def slips(text: str, split: str, rng: random.Random) -> str:
        return slip(slip(text, rng), rng)
    monkeypatch.setattr("pipeline.data.assistant.generate.roughen", slips)
    rng, kinds = random.Random(1), read_yaml(SLOTS)["kind"]
    asked = [sample for template in all_templates() for _ in range(3) if (sample := ask(template, rng))]
    for sample in asked:
        truth, query = sample.expected, sample.query
        assert "kind" not in truth or not truth["kind"] or any(word in query for part in kinds[truth["kind"]].values() for word in part)
        assert truth.get("chapter") in (None, chapter_in(query)) or chapter_in(query) is None, query
    slipped = sum(" " in sample.query.replace("第 ", "").replace(" 章", "") for sample in asked)
    assert slipped > len(asked) / 50


def test_more_than_can_be_said_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EdgeError, match="at least 10 test samples"):
        generate(tmp_path, test=9)
    few = tuple(template for template in all_templates() if template.about in ("", "undo"))
    monkeypatch.setattr("pipeline.data.assistant.generate.all_templates", lambda: few)
    with pytest.raises(EdgeError, match="expected 120 different train questions of learning_tracking, found"):
        generate(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_base_has_read_nothing_like_a_question_that_judges(tmp_path: Path) -> None:
    """What the reference's base was pre-trained on is near no question of test or challenge."""
    index = NearIndex()
    for said in utterances():
        index.add(said.text, said.text)
    paths = generate(tmp_path)
    asked = [sample.query for split in ("test", "challenge") for sample in read_samples(paths[split])]
    assert [query for query in asked if any(index.find(query))] == []
    assert any(index.find(utterances()[0].text))
