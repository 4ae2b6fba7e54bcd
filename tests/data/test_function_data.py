"""The function data: what is asked can be answered from what is asked."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.functions.examples import REWRITING, TOOL_SELECTION, Example, read_examples
from pipeline.data.functions.generate import SPLITS, generate, rewriting, tool_selection
from pipeline.data.functions.sentence import slots
from pipeline.edge.declared import EDITS, TOOLS
from pipeline.edge.functions import edited
from pipeline.errors import EdgeError

SIZES = {"train": 120, "validation": 60, "test": 60}
seeds, splits = st.integers(0, 2**32), st.sampled_from(SPLITS)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Example]]:
    return {split: read_examples(path) for split, path in generate(tmp_path_factory.mktemp("functions"), seed=3, **SIZES).items()}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = (generate(tmp_path / name, seed=3, **SIZES) for name in ("one", "other"))
    assert all(one[split].read_bytes() == other[split].read_bytes() for split in SPLITS)


def test_sizes_and_nothing_asked_twice_outside_train(data: dict[str, list[Example]]) -> None:
    earlier: set[tuple[str, str]] = set()
    for split, examples in data.items():
        assert [example.function for example in examples].count(REWRITING) == SIZES[split] == len(examples) / 2
        keys = [example.key for example in examples]
        assert split == "train" or len(set(keys)) == len(keys) and not earlier & set(keys)
        earlier |= set(keys)


@given(seeds, splits)
def test_every_call_is_declared_and_copied_from_the_question(seed: int, split: str) -> None:
    example = tool_selection(split, random.Random(seed))
    answer = json.loads(example.answer)
    call = TOOLS.read(answer["name"], json.dumps(answer["arguments"]))
    assert all(value in example.user for value in call.arguments.values())


@given(seeds, splits)
def test_a_standalone_question_is_made_of_what_was_said(seed: int, split: str) -> None:
    example = rewriting(split, random.Random(seed))
    said = example.user.split("\n")
    assert 2 <= len(said) <= 3
    assert set(example.answer) <= set("".join(said))
    if example.grammar.startswith("standalone"):
        assert example.answer == said[-1]
    else:
        assert example.answer not in said[-1:]


@given(seeds, splits)
def test_the_edits_make_the_reference(seed: int, split: str) -> None:
    example = rewriting(split, random.Random(seed))
    whole, *later = example.user.split("\n")
    for question, line in zip(later, example.edits.split("\n"), strict=True):
        whole = edited(whole, question, EDITS.parse(line))
    assert whole == example.answer


def test_a_follow_up_changes_one_thing(data: dict[str, list[Example]]) -> None:
    follow_ups = [example for example in data["train"] if example.grammar.startswith("follow_up")]
    assert follow_ups
    for example in follow_ups:
        first, said = example.user.split("\n")
        changed = json.loads(example.edits)["arguments"]
        assert first != example.answer and changed["new"] in said and changed["new"] in example.answer


def spoken(examples: list[Example]) -> set[str]:
    """Every value of a call or an edit."""
    calls = [json.loads(line) for example in examples for line in (example.edits or example.answer).split("\n")]
    return {value for call in calls for value in call["arguments"].values()}


def test_held_out_values_are_said_in_test_alone(data: dict[str, list[Example]]) -> None:
    held_out = {value for slot in slots().values() for group in slot.held_out for value in group}
    for split, examples in data.items():
        assert bool(spoken(examples) & held_out) is (split == "test"), spoken(examples) & held_out


def test_every_declared_tool_is_asked_for_in_every_split(data: dict[str, list[Example]]) -> None:
    for examples in data.values():
        assert {json.loads(example.answer)["name"] for example in examples if example.function == TOOL_SELECTION} == set(TOOLS.names)


def test_a_grammar_that_has_no_more_to_say_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def greeting(split: str, rng: random.Random) -> Example:
        return Example(TOOL_SELECTION, "你好", '{"name": "chat", "arguments": {}}')

    monkeypatch.setattr("pipeline.data.functions.generate.tool_selection", greeting)
    with pytest.raises(EdgeError, match="validation example by greeting.*ask for fewer"):
        generate(tmp_path, seed=1, train=1, validation=1, test=1)


@pytest.mark.parametrize("line", [
    "", "[]", "{", '{"function": "rewriting", "user": "x"}', '{"function": "singing", "user": "x", "answer": "y"}',
    '{"function": "rewriting", "user": "x\\ny", "answer": "y"}', '{"function": "rewriting", "user": "x\\ny", "answer": "y", "edits": "{}"}',
    '{"function": "rewriting", "user": "x\\ny\\nz", "answer": "z", "edits": "{\\"name\\": \\"whole\\", \\"arguments\\": {}}"}',
    '{"function": "tools", "user": " ", "answer": "y"}', '{"function": "tools", "user": "x", "answer": 3}', "[" * 100_000,
])
def test_bad_lines_are_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(line + "\n")
    with pytest.raises(EdgeError, match="expected") as error:
        read_examples(file)
    assert "\n" not in str(error.value)
