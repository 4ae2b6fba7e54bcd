"""Phase 8: what the device does beside deciding - questions made whole, and tools called."""

import pytest

from pipeline.measure.functions import argument_accuracy, invalid_calls, rewriting, tool_accuracy


@pytest.mark.claim("functions.rewriting")
def test_questions_are_made_whole(check, function_answers):
    check(rewriting(function_answers))


@pytest.mark.claim("functions.valid_calls")
def test_every_tool_call_is_valid(check, function_answers):
    check(invalid_calls(function_answers))


@pytest.mark.claim("functions.tool")
def test_the_right_tool_is_called(check, function_answers):
    check(tool_accuracy(function_answers))


@pytest.mark.claim("functions.arguments")
def test_the_arguments_are_right(check, function_answers):
    check(argument_accuracy(function_answers))
