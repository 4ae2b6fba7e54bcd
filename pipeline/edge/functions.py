"""The two functions of the device beside the decision: how they are asked, and what they answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError
from pipeline.yaml_file import read_yaml

REWRITING, TOOLS = "rewriting", "tools"
SYSTEMS = {REWRITING: "改写问题", TOOLS: "选择工具"}
TURNS = 3
"""The last questions that rewriting reads, the present one among them."""

Message = dict[str, str]


@dataclass(frozen=True)
class Call:
    """A tool of tools.yaml and its arguments, all text."""

    name: str
    arguments: Mapping[str, str]


def rewriting_messages(questions: Sequence[str]) -> list[Message]:
    """What to ask for the last of the user's questions to stand alone; line breaks inside a question become spaces."""
    return _messages(REWRITING, "\n".join(" ".join(question.split()) for question in questions[-TURNS:]))


def tool_messages(question: str) -> list[Message]:
    """What to ask for the tool call that answers a standalone question."""
    return _messages(TOOLS, question)


def _messages(function: str, user: str) -> list[Message]:
    return [{"role": "system", "content": SYSTEMS[function]}, {"role": "user", "content": user}]


@cache
def declared_tools() -> tuple[dict[str, Any], ...]:
    """tools.yaml as OpenAI's function declarations."""
    return tuple({"type": "function", "function": {
        "name": name, "description": tool["description"],
        "parameters": {"type": "object", "additionalProperties": False,
                       "properties": {argument: {"type": "string", "description": words} for argument, words in tool["arguments"].items()}},
    }} for name, tool in read_yaml(Path(__file__).with_name("tools.yaml")).items())


def read_call(text: str) -> Call:
    """The call in the model's answer {"name": ..., "arguments": {...}}; EdgeError unless it is one of a declared tool."""
    try:
        found = json.loads(text)
        name, arguments = found["name"], found["arguments"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise EdgeError(f"expected a tool call as JSON with name and arguments, found {text[:80]!r}; "
                        "decode it under the tools' constraint") from None
    known = {tool["function"]["name"]: tool["function"]["parameters"]["properties"] for tool in declared_tools()}
    if name not in known or not isinstance(arguments, dict) or not set(arguments) <= set(known[name]) \
            or not all(isinstance(value, str) for value in arguments.values()):
        raise EdgeError(f"expected a call of {', '.join(known)} with its arguments as text, found {text[:80]!r}; "
                        "decode it under the tools' constraint")
    return Call(name, arguments)
