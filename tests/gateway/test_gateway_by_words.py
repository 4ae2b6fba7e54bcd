"""Tools chosen by the words of a question, for a device without a functions model."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.edge.declared import TOOLS
from pipeline.edge.tools.by_words import LONGEST, by_words


@pytest.mark.parametrize(("query", "tool", "arguments"), [
    ("明天北京会下雨吗？", "weather", {"city": "北京", "day": "明天"}),
    ("现在伦敦几点了？", "clock", {"place": "伦敦"}),
    ("几点了", "clock", {}),
    ("下周三是几号", "date", {"day": "下周三"}),
    ("离中秋节还有多少天？", "countdown", {"event": "中秋节"}),
    ("三十六乘以七等于多少？", "calculate", {"a": "三十六", "op": "乘以", "b": "七"}),
    ("1.5+2", "calculate", {"a": "1.5", "op": "+", "b": "2"}),
    ("五公里是多少米？", "convert", {"amount": "五", "source": "公里", "target": "米"}),
    ("3斤几克", "convert", {"amount": "3", "source": "斤", "target": "克"}),
    ("电池还有多少", "device", {"item": "电池"}),
    ("你好", "chat", {}),
])
def test_everyday_questions(query: str, tool: str, arguments: Mapping[str, str]) -> None:
    call = by_words(query)
    assert (call.name, dict(call.arguments)) == (tool, arguments)


@given(st.text(max_size=40) | st.text("一二三百加减乘除以公里米斤天周后离到还有几多少点号明今春节伦敦0123456789.", max_size=30))
def test_any_question_gets_a_declared_call_of_its_own_words(query: str) -> None:
    call = by_words(query)
    assert TOOLS.read(call.name, json.dumps(dict(call.arguments))) == call
    assert all(value and value in query for value in call.arguments.values())


def test_a_huge_question_is_not_searched() -> None:
    assert by_words("一" * 1_000_000 + "加一").name == by_words("1+1 " + "x" * LONGEST).name == "chat"
