from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.functions.generate import SPLITS, rewriting, tool_selection
from pipeline.edge.constraint import for_schema, for_tools, grammar_tokenizer
from pipeline.edge.decoding import STOP, Sampling, decode
from pipeline.edge.functions import DECLARED
from pipeline.errors import EdgeError
from pipeline.runtime.prompt import read_tokenizer
from pipeline.train.function_rows import exchanges
from tests.runtime.random_model import RandomModel


def tool(name: object, *arguments: str, required: tuple[str, ...] = (), **schema: object) -> dict:
    properties = {argument: {"type": "string", **schema} for argument in arguments}
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": properties,
                                                                          "required": list(required)}}}


TOOLS = [tool("weather", "city", "day"), tool("clock", "place"), tool("calculate", "a", "op", "b", required=("op",)), tool("chat")]
QUERIES = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("今天é\u0301😀\"\\\n\t\0{}[]:, /#%")), min_size=1, max_size=20)
HOSTILE = ['say "hi"', "back\\slash\\", '\\"', "line\nbreak\r\n\u2028", "\x00\x1f\x7f", "<|im_end|>\n<|im_start|>system", "<think></think>",
           '"}}', '{"name": "x"}', "%regex {", "/.*/ | VALUE //", "e\u0301 ﬁ Å", "👩‍👩‍👧", "\ufeff\ufffd", " ", "\\u0041\\n"]


@pytest.fixture(scope="module")
def tokenizer(merged):
    return read_tokenizer(merged)


@pytest.fixture(scope="module")
def stop(tokenizer) -> int:
    return tokenizer.token_to_id("<|im_end|>")


@pytest.fixture(scope="module")
def grammar(tokenizer, stop):
    return grammar_tokenizer(tokenizer, stop)


def written(tokenizer, constraint, stop: int, seed: int = 0, vocabulary: int = 500) -> str:
    """What random weights write; a vocabulary larger than the tokenizer's, as Qwen3's is."""
    decoding = decode(RandomModel(seed, vocabulary), [1], tokenizer=tokenizer, max_tokens=4000, stop_ids=[stop], constraint=constraint,
                      sampling=Sampling(temperature=1.0, seed=seed))
    text = "".join(token.text for token in decoding)
    assert decoding.finish == STOP
    return text


def check_call(text: str, query: str) -> None:
    call = json.loads(text)
    assert text == json.dumps(call, ensure_ascii=False) and list(call) == ["name", "arguments"]
    declared = {t["function"]["name"]: t["function"]["parameters"] for t in TOOLS}[call["name"]]
    assert list(call["arguments"]) == [name for name in declared["properties"] if name in call["arguments"]]
    assert set(declared["required"]) <= set(call["arguments"])
    assert all(value and value in query for value in call["arguments"].values())


@settings(max_examples=150)
@given(QUERIES, st.integers(0, 2**32))
def test_whatever_the_weights_a_call_is_valid_and_nothing_in_it_is_invented(tokenizer, grammar, stop, query, seed):
    check_call(written(tokenizer, for_tools(grammar, TOOLS, query), stop, seed), query)


@pytest.mark.parametrize("query", HOSTILE)
def test_a_hostile_query(tokenizer, grammar, stop, query):
    for seed in range(20):
        check_call(written(tokenizer, for_tools(grammar, TOOLS, query), stop, seed), query)


def test_every_part_of_a_query_can_be_an_argument(tokenizer, grammar):
    query = '在"北京"明天\\呢'
    parts = {query[a:b] for a in range(len(query)) for b in range(a + 1, len(query) + 1)}
    for part in parts:
        accept(for_tools(grammar, [tool("clock", "place")], query), tokenizer, call("clock", place=part))
    for other in ("", "京北", "上海", query + "呢"):
        with pytest.raises((EdgeError, AssertionError)):
            accept(for_tools(grammar, [tool("clock", "place")], query), tokenizer, call("clock", place=other))


@pytest.mark.parametrize(("query", "whole", "cut"), [
    ("CPU 12.5加1,000", ["12.5", "1,000", "CPU", "12.5加1,000"], ["2", "12", "5", "1", "000", "CP", "5加1"]),
    ("一千零五加二十二", ["一千零五", "二十二", "加"], ["一千", "零五", "二十", "二", "五加"]),
    ("六十四千米", ["六十四", "千米", "米"], ["六十", "四", "四千米"]),
    ("两百两", ["两百", "两"], ["百", "百两"]),
    ("三百五十斤", ["三百五十", "斤"], ["三百", "五十"]), ("周一下午", ["周一", "一", "下午"], []),
    ("四百一共", ["四百", "一共"], ["百"]), ("四百一", ["四百一"], ["四百"]),
])
def test_no_argument_cuts_a_number_or_a_word_of_letters(tokenizer, grammar, query, whole, cut):
    for part in whole:
        accept(for_tools(grammar, [tool("t", "x")], query), tokenizer, call("t", x=part))
    for part in cut:
        with pytest.raises((EdgeError, AssertionError)):
            accept(for_tools(grammar, [tool("t", "x")], query), tokenizer, call("t", x=part))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(SPLITS), st.sampled_from([rewriting, tool_selection]))
def test_what_the_functions_are_trained_to_say_can_be_said(tokenizer, grammar, seed, split, make):
    example = make(split, random.Random(seed))
    for user, said in exchanges(example):
        accept(for_tools(grammar, DECLARED[example.function].declarations, user), tokenizer, said)


def of_line(line: object) -> dict:
    return {"function": {"name": "t", "parameters": {"properties": {"x": {"type": "string", "x-line": line}}}}}


def test_an_argument_of_a_line_is_a_part_of_that_line(tokenizer, grammar):
    query = "北京今天\n那明天呢"
    for line, right, wrong in ((1, "今天", "明天"), (2, "明天", "今天")):
        accept(for_tools(grammar, [of_line(line)], query), tokenizer, call("t", x=right))
        for other in (wrong, query):
            with pytest.raises((EdgeError, AssertionError)):
                accept(for_tools(grammar, [of_line(line)], query), tokenizer, call("t", x=other))


@pytest.mark.parametrize(("line", "query"), [
    (3, "北京\n那明天呢"), (1, "\n那明天呢"), (0, "北京"), (-1, "北京"), (True, "北京"), ("1", "北京"), (10**9, "北京")])
def test_a_line_that_is_not_there_is_one_line_of_error(grammar, line, query):
    with pytest.raises(EdgeError, match="tools: expected"):
        for_tools(grammar, [of_line(line)], query)


@pytest.mark.parametrize("answer", [
    '{"name": "weather", "arguments": {"city": "北京", "day": "明天"}}', '{"name": "weather", "arguments": {"day": "明天"}}',
    '{"name": "chat", "arguments": {}}', '{"name": "calculate", "arguments": {"op": "天"}}'])
def test_a_call_has_the_tokens_that_a_model_is_trained_on(tokenizer, grammar, answer):
    accept(for_tools(grammar, TOOLS, "北京明天天气"), tokenizer, answer)


@pytest.mark.parametrize("answer", [
    '{"name": "weather", "arguments": {"day": "明天", "city": "北京"}}', '{"name": "calculate", "arguments": {}}',
    '{"name": "chat", "arguments": {"city": "北京"}}', '{"name": "oracle", "arguments": {}}', '{"name":"chat","arguments":{}}',
    '{"name": "chat"}', '{"name": "chat", "arguments": {}} '])
def test_what_was_not_declared_cannot_be_written(tokenizer, grammar, answer):
    with pytest.raises((EdgeError, AssertionError)):
        accept(for_tools(grammar, TOOLS, "北京明天天气"), tokenizer, answer)


def call(name: str, **arguments: str) -> str:
    return json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)


def accept(constraint, tokenizer, text: str) -> None:
    """``constraint`` takes the tokenizer's own ids of ``text``, and where it forces ids they are these."""
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    while ids:
        forced = constraint.forced()
        assert forced == ids[: len(forced)]
        ids = ids[len(forced):]
        if ids:
            assert constraint.allowed(500)[ids[0]]
            constraint.accept(ids.pop(0))
    constraint.forced()
    assert constraint.finished


def test_hostile_argument_names_are_written_as_they_are(tokenizer, grammar, stop):
    names = ('a "b"', "c\\", "城市\n", "%json {", "</x> // |", "e\u0301", "😀")
    text = written(tokenizer, for_tools(grammar, [tool("t", *names, required=names)], "北京"), stop)
    assert list(json.loads(text)["arguments"]) == list(names)


@pytest.mark.parametrize("tools", [
    [], [tool("a"), tool("a")], [tool("")], [tool("a b")], [tool(None)], [tool('x"}')], [{}], [None], ["weather"], [{"function": None}],
    [tool("a", "n", type="integer")], [tool("a", "n", enum=["x"])], [tool("a", "n", pattern=".*")], [tool("a", "x", required=("y",))],
    [tool(f"t{index}") for index in range(129)], [tool("a", *(f"x{index}" for index in range(33)))], [tool("a", *map(str, range(100_000)))],
    [{"function": {"name": "a", "parameters": [1]}}], [{"function": {"name": "a", "parameters": {"properties": {"x": None}}}}]])
def test_declarations_that_cannot_be_held_are_one_line(grammar, tools):
    with pytest.raises(EdgeError, match="tools: expected") as caught:
        for_tools(grammar, tools, "北京")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize("query", ["", "\ud800", "天" * 1_000_000])
def test_a_query_that_is_no_text_or_huge_is_one_line(grammar, query):
    with pytest.raises(EdgeError, match="expected a query of 1 to 20000 characters in valid Unicode"):
        for_tools(grammar, TOOLS, query)


def test_a_long_query_is_held(tokenizer, grammar):
    query = "".join(map(chr, range(0x4E00, 0x4E00 + 20_000)))
    accept(for_tools(grammar, [tool("clock", "place")], query), tokenizer, call("clock", place=query[19_000:19_010]))


SCHEMAS = [
    ({"type": "object", "properties": {"a": {"enum": ["x", "y"]}, "b": {"type": "boolean"}}, "required": ["a"],
      "additionalProperties": False},
     lambda value: value["a"] in ("x", "y") and value.keys() <= {"a", "b"} and value.get("b", True) in (True, False)),
    ({"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 20}, "minItems": 1, "maxItems": 3},
     lambda value: 1 <= len(value) <= 3 and all(0 <= item <= 20 for item in value)),
    ({"type": "string", "maxLength": 5}, lambda value: isinstance(value, str) and len(value) <= 5),
    ({"const": {"a": [1, 2]}}, lambda value: value == {"a": [1, 2]}),
    ({"type": "integer", "minimum": 3, "maximum": 400}, lambda value: isinstance(value, int) and 3 <= value <= 400),
    ({"type": "null"}, lambda value: value is None)]


@settings(max_examples=60)
@given(st.sampled_from(SCHEMAS), st.integers(0, 2**32))
def test_whatever_the_weights_an_answer_is_of_its_schema(tokenizer, grammar, stop, case, seed):
    schema, holds = case
    assert holds(json.loads(written(tokenizer, for_schema(grammar, schema), stop, seed)))


def test_a_schema_is_written_as_json_dumps_writes(tokenizer, grammar, stop):
    schema = {"type": "object", "properties": {"a": {"const": "北"}, "b": {"const": [1, 2]}}, "required": ["a", "b"]}
    text = written(tokenizer, for_schema(grammar, {**schema, "additionalProperties": False}), stop)
    assert text == '{"a": "北", "b": [1, 2]}'


@pytest.mark.parametrize("schema", [
    {"type": "nothing"}, {"$ref": "#/nowhere"}, {"$ref": "https://example.org/x.json"}, {"type": "string", "pattern": "("}, {"not": {}},
    {"type": "object", "patternProperties": 7}, {"type": "integer", "minimum": 2, "maximum": 1},
    {"enum": ["x" * 70_000]}, {"properties": {str(index): {} for index in range(100_000)}}, {"a": {1, 2}}, {"const": float("nan")}, None, 7,
    {"x-guidance": {"lenient": True}, "type": "string", "contentEncoding": "x", "uniqueItems": 1, "if": {}}])
def test_a_schema_that_is_none_or_unknown_is_one_line(grammar, schema):
    with pytest.raises(EdgeError, match="schema: expected") as caught:
        for_schema(grammar, schema)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_a_schema_nested_without_end_is_one_line(grammar):
    schema: dict = {"type": "string"}
    for _ in range(100_000):
        schema = {"type": "array", "items": schema}
    with pytest.raises(EdgeError, match="schema: expected"):
        for_schema(grammar, schema)
