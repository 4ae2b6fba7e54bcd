"""The meters of the functions on answers that are known to be right or wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.data.functions.examples import REWRITING, TOOL_SELECTION, Example
from pipeline.errors import EdgeError
from pipeline.measure import functions
from pipeline.measure.functions import Answers

CALL = {"name": "weather", "arguments": {"city": "北京", "day": "明天"}}
TOOL = Example(TOOL_SELECTION, "北京明天天气怎么样", json.dumps(CALL, ensure_ascii=False), "weather/test")
QUESTION = Example(REWRITING, "北京今天天气怎么样\n那明天呢", "北京明天天气怎么样", "follow_up/test")


def test_right_answers_count() -> None:
    answers = Answers([TOOL, QUESTION], [CALL, QUESTION.answer])
    assert functions.rewriting(answers).outcomes == functions.tool_accuracy(answers).outcomes == [1]
    assert functions.argument_accuracy(answers).outcomes == [1]
    assert functions.invalid_calls(answers).value == 0
    assert functions.rewriting(answers).details["chrf"] == 1


@pytest.mark.parametrize(("answer", "tool", "arguments", "invalid"), [
    ({**CALL, "arguments": {"city": "北京"}}, 1, 0, 0),  # one argument is missing
    ({"name": "clock", "arguments": {"place": "北京"}}, 0, 0, 0),
    ({"error": "expected a tool call, found none"}, 0, 0, 1),
])
def test_wrong_calls_do_not_count(answer: dict, tool: int, arguments: int, invalid: int) -> None:
    answers = Answers([TOOL], [answer])
    assert functions.tool_accuracy(answers).outcomes == [tool]
    assert functions.argument_accuracy(answers).outcomes == [arguments]
    assert functions.invalid_calls(answers).value == invalid
    assert functions.argument_accuracy(answers).details["wrong"][0]["asked"] == TOOL.user


def test_another_wording_is_no_exact_match_but_near() -> None:
    near, far = (functions.rewriting(Answers([QUESTION], [answer])) for answer in ("北京明天天气如何", {"error": "none"}))
    assert near.outcomes == far.outcomes == [0]
    assert 0.5 < near.details["chrf"] < 1 and far.details["chrf"] == 0


def test_no_examples_is_no_measurement() -> None:
    with pytest.raises(EdgeError, match="examples of tools"):
        functions.tool_accuracy(Answers([QUESTION], ["x"]))


def test_answers_are_kept_whole(tmp_path: Path) -> None:
    answers = Answers([TOOL, QUESTION], [CALL, "x"], {"functions-int8": "k"}, {"threads": 1})
    answers.save(tmp_path / "answers.json")
    assert Answers.load(tmp_path / "answers.json") == answers
