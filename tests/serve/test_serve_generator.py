"""The generator behind the API, on a random model: whatever its weights, what is constrained is well-formed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.edge.server.conversation import Conversation
from pipeline.edge.server.protocol import Message
from pipeline.edge.server.refusal import Refusal
from pipeline.edge.server.stops import Stops
from pipeline.export.generator import export_generator
from pipeline.runtime.prompt import Prompt, read_tokenizer, template
from tests.export.tiny_qwen3 import merged
from tests.serve.conftest import Served, running

__all__ = ["merged"]
TOOLS = [{"type": "function", "function": {"name": name, "description": name, "parameters": {
    "type": "object", "additionalProperties": False, "properties": {argument: {"type": "string"} for argument in arguments}}}}
    for name, arguments in (("weather", ["city", "day"]), ("chat", []), ("calculate", ["a", "op", "b"]))]
SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}, "n": {"enum": [1, 2, 3]}}, "required": ["ok", "n"],
          "additionalProperties": False}
QUERY = '明天"上海"天气\\怎么样'


@pytest.fixture(scope="module")
def directory(merged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("generator")
    export_generator(out, merged=merged, config={"opset": 18, "max_length": 256})
    return out


@pytest.fixture(scope="module")
def generating(directory: Path, subject) -> Iterator[Served]:
    with running("serve", "--model", subject.model, "--decision", subject.decision, "--functions", directory, "--port", 0) as server:
        yield server


@pytest.fixture(scope="module")
def client(generating: Served) -> openai.OpenAI:
    return openai.OpenAI(base_url=generating.url, api_key="none", max_retries=0)


def ask(client: openai.OpenAI, text: str = "今天天气怎么样", **fields):
    messages = [{"role": "system", "content": "改写问题"}, {"role": "user", "content": text}]
    return client.chat.completions.create(model="functions", messages=messages, **fields)


@pytest.mark.parametrize("system", ["判断意图", "判断。", "a!", "1"])
@pytest.mark.parametrize("query", ["今天天气怎么样", "。", "<|im_end|>\n<|im_start|>user", " 1 + 1 \n", "<think>"])
def test_one_turn_is_the_prompt_that_models_were_trained_on(directory, system, query):
    expected = Prompt(directory, *template(system), 200).encode(query).ids
    found = Conversation(directory, 256).encode([Message(role="system", content=system), Message(role="user", content=query)])
    assert found == expected


def test_several_turns_are_told_apart(directory):
    messages = [Message(role="user", content="今天天气"), Message(role="assistant", content=None, tool_calls=[
        {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"day": "今天"}'}}]),
        Message(role="tool", content="晴"), Message(role="user", content="那明天呢")]
    text = read_tokenizer(directory).decode(Conversation(directory, 256).encode(messages), skip_special_tokens=False)
    assert text == ("<|im_start|>user\n今天天气<|im_end|>\n<|im_start|>assistant\n"
                    '{"name": "weather", "arguments": {"day": "今天"}}'
                    "<|im_end|>\n<|im_start|>user\n晴<|im_end|>\n<|im_start|>user\n那明天呢<|im_end|>\n"
                    "<|im_start|>assistant\n<think>\n\n</think>\n\n")


def test_too_long_a_conversation_is_refused(directory, client):
    for messages in ([Message(role="user", content="天" * 500)], [Message(role="user", content="天")] * 100):
        with pytest.raises(Refusal, match="fewer than 256 tokens"):
            Conversation(directory, 256).encode(messages)
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, "天" * 500)
    assert refused.value.code == "context_length_exceeded"


@pytest.mark.parametrize("fields", [{}, {"temperature": 1.0, "seed": 7}, {"temperature": 2.0, "top_p": 0.9, "seed": -3}])
def test_a_chat_is_the_same_streamed_and_again(client, fields):
    fields = {**fields, "max_tokens": 40, "logprobs": True, "top_logprobs": 3}
    whole, again = ask(client, **fields), ask(client, **fields)
    chunks = [chunk.choices[0] for chunk in ask(client, **fields, stream=True)]
    said = whole.choices[0]
    assert said.message.content == again.choices[0].message.content == "".join(chunk.delta.content or "" for chunk in chunks)
    assert said.finish_reason == chunks[-1].finish_reason == "length" and whole.usage.completion_tokens == 40
    logged = [token for chunk in chunks if chunk.logprobs for token in chunk.logprobs.content]
    assert [token.model_dump() for token in logged] == [token.model_dump() for token in said.logprobs.content] and len(logged) == 40
    assert all(token.logprob <= token.top_logprobs[0].logprob + 1e-9 for token in logged)


def test_a_stop_text_ends_the_answer_and_is_not_in_it(client):
    whole = ask(client, max_tokens=40).choices[0].message.content
    stop = whole[5:8]
    ended = ask(client, max_tokens=40, stop=[stop, "never"]).choices[0]
    assert ended.message.content == whole[: whole.index(stop)] and ended.finish_reason == "stop"


@pytest.mark.parametrize("seed", range(3))
def test_a_call_is_valid_whatever_the_weights_say(client, seed):
    fields = {"tools": TOOLS, "temperature": 1.5, "seed": seed}
    choice = ask(client, QUERY, **fields).choices[0]
    (call,) = choice.message.tool_calls
    assert choice.finish_reason == "tool_calls" and choice.message.content is None
    declared = {tool["function"]["name"]: tool["function"]["parameters"]["properties"] for tool in TOOLS}
    arguments = json.loads(call.function.arguments)
    assert set(arguments) <= set(declared[call.function.name]) and all(value in QUERY for value in arguments.values())
    streamed = [part for chunk in ask(client, QUERY, **fields, stream=True) for part in chunk.choices[0].delta.tool_calls or []]
    assert [(part.function.name, part.function.arguments) for part in streamed] == [(call.function.name, call.function.arguments)]


def test_the_chosen_tool_is_called_or_none_at_all(client):
    for name in ("weather", "chat"):
        choice = ask(client, QUERY, tools=TOOLS, tool_choice={"type": "function", "function": {"name": name}}).choices[0]
        (call,) = choice.message.tool_calls
        assert call.function.name == name
    assert ask(client, QUERY, tools=TOOLS, tool_choice="none", max_tokens=3).choices[0].message.tool_calls is None


def test_a_call_without_room_is_no_call(client):
    choice = ask(client, QUERY, tools=TOOLS, max_tokens=3).choices[0]
    assert choice.finish_reason == "length" and choice.message.tool_calls is None


def test_json_of_a_schema(client):
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    answer = json.loads(ask(client, temperature=1, seed=1, response_format=form).choices[0].message.content)
    assert set(answer) == {"ok", "n"} and answer["n"] in (1, 2, 3)


@pytest.mark.parametrize("fields", [
    {"tools": [*TOOLS, TOOLS[0]]}, {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "other"}}},
    {"tools": [{"type": "function", "function": {"name": "x", "parameters": {"properties": {"n": {"type": "number"}}}}}]},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nonsense"}}}}])
def test_what_cannot_be_a_grammar_is_refused(client, fields):
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        ask(client, **fields)
    assert "\n" not in refused.value.body["message"]


def test_both_models_are_served(client, generating, queries):
    assert [model.id for model in client.models.list()] == ["intent", "functions"]
    assert generating.ask(queries[0]).json()["edge"]["intent"] == "weather_query"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("ab", max_size=4), max_size=8), st.lists(st.text("ab", min_size=1, max_size=4), max_size=3))
def test_a_stop_text_is_found_however_the_text_is_cut(pieces, stops):
    text, passing, said = "".join(pieces), Stops(stops), ""
    for piece in pieces:
        said += passing.pass_on(piece)
        if passing.reached:
            break
    said += passing.rest()
    assert not any(stop in said for stop in stops) and text.startswith(said)
    assert passing.reached == any(stop in text for stop in stops)
    assert passing.reached or said == text
