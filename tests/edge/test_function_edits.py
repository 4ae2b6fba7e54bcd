"""A question made whole by an edit: no word in it is anybody's but the user's."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.edge.declared import EDITS, TOOLS, Call
from pipeline.edge.functions import edited
from pipeline.errors import EdgeError

BEFORE, NOW = "北京今天天气怎么样", "那明天呢？"
texts = st.text("北京今明天气那呢他", max_size=12)


@pytest.mark.parametrize(("before", "question", "edit", "whole"), [
    (BEFORE, NOW, Call("again", {"new": "明天", "old": "今天"}), "北京明天天气怎么样"),
    ("13加3等于多少", "5呢", Call("again", {"new": "5", "old": "3"}), "13加5等于多少"),  # the later of two
    ("李白是谁", "他是哪里人", Call("refer", {"pronoun": "他", "subject": "李白"}), "李白是哪里人"),
    (BEFORE, "几点了", Call("whole", {}), "几点了"),
])
def test_each_edit(before: str, question: str, edit: Call, whole: str) -> None:
    assert edited(before, question, edit) == whole


@given(texts, texts, texts, texts, st.sampled_from(["again", "refer"]))
def test_an_edit_of_words_that_nobody_said_is_refused(before: str, question: str, one: str, other: str, name: str) -> None:
    edit = Call(name, dict(zip(EDITS.arguments_of(name), (one, other), strict=True)))
    new, old = (one, other) if name == "again" else (other, one)
    text, source = (before, question) if name == "again" else (question, before)
    if old and new and old in text and new in source:
        whole = edited(before, question, edit)
        assert new in whole and len(whole) == len(text) - len(old) + len(new)
    else:
        with pytest.raises(EdgeError, match="an edit of other words"):
            edited(before, question, edit)


@pytest.mark.parametrize(("declared", "name", "arguments", "fits"), [
    (TOOLS, "weather", {"city": "北京"}, True), (TOOLS, "weather", {}, True), (TOOLS, "weather", {"place": "北京"}, False),
    (TOOLS, "again", {}, False), (TOOLS, "weather", {"city": 3}, False), (TOOLS, "weather", ["北京"], False),
    (EDITS, "again", {"new": "明天"}, False), (EDITS, "again", {"new": "明天", "old": "今天"}, True), (EDITS, "whole", {}, True),
])
def test_a_call_is_as_declared(declared, name: str, arguments: object, fits: bool) -> None:
    if fits:
        assert declared.read(name, json.dumps(arguments)) == Call(name, arguments)
    else:
        with pytest.raises(EdgeError, match="expected a call of"):
            declared.read(name, json.dumps(arguments))


@given(texts, texts)
def test_a_call_survives_its_json(new: str, old: str) -> None:
    call = Call("again", {"new": new, "old": old})
    assert EDITS.parse(call.to_json()) == call


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"name": ["again"], "arguments": {}}', '{"name": "again"}', "[" * 100_000])
def test_what_is_no_call_is_refused(text: str) -> None:
    with pytest.raises(EdgeError, match="expected a call of"):
        EDITS.parse(text)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_arguments_that_are_no_json_are_refused(text: str) -> None:
    with pytest.raises(EdgeError, match="expected a call of") as error:
        TOOLS.read("weather", text)
    assert len(str(error.value)) < 400 and "\n" not in str(error.value)
