"""Every template: what is drawn from it makes sense, and its truth stands in the question."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.assistant import said
from pipeline.data.assistant.asking import ASPECTS, OPERATIONS
from pipeline.data.assistant.generate import ask
from pipeline.data.assistant.grammars import Template, all_templates, read_templates, read_writer
from pipeline.data.assistant.slots import period_words
from pipeline.data.assistant.tasks import COMPLEX_REASONING, COURSE_RESOURCE, LEARNING_TRACKING, SIMPLE_QA
from pipeline.data.assistant.truth import flaw
from pipeline.data.grammar import SPLITS, Choice, Node, Slot, Text, slot_names
from pipeline.edge.tools.numerals import number
from pipeline.errors import EdgeError

seeds = st.integers(0, 2**32)
LEAST = {"train": (45, 45, 35, 30), "validation": (6, 6, 6, 6), "test": (8, 8, 8, 8), "challenge": (45, 40, 30, 25)}


def of(task: str, split: str) -> list[Template]:
    return [template for template in all_templates() if template.task == task and template.split == split]


@pytest.mark.parametrize("split", SPLITS)
def test_how_many_there_are(split: str) -> None:
    tasks = (COURSE_RESOURCE, LEARNING_TRACKING, SIMPLE_QA, COMPLEX_REASONING)
    for task, least in zip(tasks, LEAST[split], strict=True):
        assert len(of(task, split)) >= least, (task, split)
    operations = Counter(template.about for template in of(LEARNING_TRACKING, split))
    assert set(operations) == set(OPERATIONS) and min(operations.values()) >= (3 if split in ("train", "challenge") else 1)
    assert {template.about for template in of(SIMPLE_QA, split)} == set(ASPECTS)


def test_no_template_stands_twice() -> None:
    assert [text for text, count in Counter(template.text for template in all_templates()).items() if count > 1] == []


def test_every_template_says_something() -> None:
    for template in all_templates():
        rng = random.Random(template.id)
        assert any(ask(template, rng) for _ in range(200)), template.id


@given(seeds, st.sampled_from(all_templates()))
def test_what_is_asked_has_its_truth(seed: int, template: Template) -> None:
    if sample := ask(template, random.Random(seed)):
        assert flaw(sample) is None
        assert (sample.task_type, sample.grammar) == (template.task, template.id)
        assert sample.query.strip() == sample.query and not set(sample.query) & set("{}[]|")


def written(nodes: tuple[Node, ...]) -> str:
    return "/".join(written_one(node) for node in nodes)


def written_one(node: Node) -> str:
    if isinstance(node, Choice):
        return "/".join(written(option) for option in node.options)
    return node.text if isinstance(node, Text) else ""


@pytest.mark.parametrize("template", [one for one in all_templates() if "period" in OPERATIONS.get(one.about, OPERATIONS["undo"]).needed],
                         ids=lambda template: template.id)
def test_no_period_is_said_but_by_its_slot(template: Template) -> None:
    """Else the truth would not know of it."""
    assert not [word for word in period_words() if word in written(template.nodes)]


def paths(nodes: tuple[Node, ...]) -> list[list[str]]:
    """The slots of every expansion."""
    found: list[list[str]] = [[]]
    for node in nodes:
        if isinstance(node, Slot):
            found = [[*path, node.name] for path in found]
        elif isinstance(node, Choice):
            found = [[*path, *rest] for path in found for option in node.options for rest in paths(option)]
    return found


STATING = ({"kind", "slides", "notes", "exercises", "lab", "exam", "syllabus"}, {"right", "wrong", "full"},
           {"period", "today", "yesterday", "this_week", "last_week", "this_month", "all"})


def test_nothing_is_stated_twice() -> None:
    for template in all_templates():
        for slots in paths(template.nodes) if template.task != COMPLEX_REASONING else []:
            assert all(len([slot for slot in slots if slot in stating]) <= 1 for stating in STATING), template.id


def test_needed_arguments_have_a_slot() -> None:
    filled = {"minutes": {"duration"}, "total": {"total"}, "right": {"right", "wrong", "full"}, "topic": {"topic"}, "course": {"course"},
              "chapter": {"chapter"}}
    for template in all_templates():
        if template.task == LEARNING_TRACKING:
            for needed in OPERATIONS[template.about].needed:
                assert needed == "period" or filled[needed] & slot_names(template.nodes), template.id


def minutes(text: str) -> int:
    """By a reading of its own."""
    text = re.sub(r"min|分钟|分$", "分", text.replace(" ", "").replace("h", "小时")).replace("钟头", "小时").replace("个半小时", ".5小时")
    text = re.sub(r"小时半$", ".5小时", text).replace("个小时", "小时").replace("半小时", "30分")
    text = text.replace("三刻钟", "45分").replace("一刻钟", "15分")
    found = re.fullmatch(r"(?:([^小]+)小时)?(?:([^分]+)分)?", text)
    assert found, text
    hours, _, half = (found[1] or "").partition(".")
    return int(60 * number(hours or "零") + (30 if half == "5" else 0) + number(found[2] or "零"))


@given(seeds, st.booleans())
def test_a_duration_is_what_is_said(seed: int, held_out: bool) -> None:
    text, value = said.duration(held_out, random.Random(seed))
    assert minutes(text) == value > 0


@given(st.integers(0, 99), st.booleans())
def test_numerals_are_read_back(value: int, in_digits: bool) -> None:
    assert number(said.numeral(value)) == number(said.counted(value, in_digits)) == value


@pytest.mark.parametrize(("content", "because"), [
    ("train: ['{colour}']\nvalidation: []\ntest: []\nchallenge: []\n", "course_resource/train/1: expected a slot of"),
    ("train: ['(a']\nvalidation: []\ntest: []\nchallenge: []\n", "course_resource/train/1: expected '\\)'"),
    ("train: [3]\nvalidation: []\ntest: []\nchallenge: []\n", "expected a template"),
    ("train: {undo: [a]}\nvalidation: []\ntest: []\nchallenge: []\n", "expected a list of templates"),
    ("train: []\n", "expected the keys train, validation, test, challenge")])
def test_a_mistake_in_a_grammar_is_named(content: str, because: str, tmp_path: Path) -> None:
    path = tmp_path / "course_resource.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(EdgeError, match=because):
        read_templates(path)


def test_an_unknown_operation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "learning_tracking.yaml"
    path.write_text("train: {forget: [a]}\nvalidation: {}\ntest: {}\nchallenge: {}\n", encoding="utf-8")
    with pytest.raises(EdgeError, match="expected templates under log_session"):
        read_templates(path)


WRITTEN = "split: train\ncourse_resource: [a]\nlearning_tracking: {undo: [b, c]}\nsimple_qa: {}\ncomplex_reasoning: []\n"


def test_a_writer_s_templates_are_told_by_their_ids(tmp_path: Path) -> None:
    path = tmp_path / "w9.yaml"
    path.write_text(WRITTEN, encoding="utf-8")
    found = [(one.id, one.task, one.split, one.about, one.text) for one in read_writer(path)]
    assert found == [("course_resource/train/w9/1", "course_resource", "train", "", "a"),
                     ("learning_tracking/train/w9/undo/1", "learning_tracking", "train", "undo", "b"),
                     ("learning_tracking/train/w9/undo/2", "learning_tracking", "train", "undo", "c")]


def test_a_writer_may_have_written_for_some_tasks(tmp_path: Path) -> None:
    path = tmp_path / "w9.yaml"
    path.write_text("split: challenge\nsimple_qa: {unit: [a]}\n", encoding="utf-8")
    assert [one.id for one in read_writer(path)] == ["simple_qa/challenge/w9/unit/1"]


@pytest.mark.parametrize(("old", "new", "because"), [
    ("simple_qa", "riddles", "expected the keys split, course_resource, learning_tracking, complex_reasoning, found .*riddles"),
    ("split: train", "split: trial", "w9.yaml: split: expected one of train, validation"),
    ("split: train\n", "", "expected the keys split, course_resource"),
    ("[a]", "[3]", "course_resource/train/w9/1: expected a template"),
    ("undo", "forget", "learning_tracking/train/w9: expected templates under log_session")])
def test_a_mistake_of_a_writer_is_named(old: str, new: str, because: str, tmp_path: Path) -> None:
    path = tmp_path / "w9.yaml"
    path.write_text(WRITTEN.replace(old, new), encoding="utf-8")
    with pytest.raises(EdgeError, match=because):
        read_writer(path)


def test_ids_tell_every_template() -> None:
    assert len({template.id for template in all_templates()}) == len(all_templates())
