"""The two functions of the device beside the decision: how they are asked, and what they answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import EdgeError
from pipeline.yaml_file import read_yaml

if TYPE_CHECKING:
    from pipeline.edge.endpoint import Endpoint

REWRITING, TOOLS = "rewriting", "tools"
END_OF_TURN = "<|im_end|>"  # an answer's last token
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
def _tools() -> dict[str, Any]:
    return read_yaml(Path(__file__).with_name("tools.yaml"))


def tool_names() -> list[str]:
    """The declared tools, in their order."""
    return list(_tools())


def arguments_of(name: str) -> list[str]:
    """The arguments of a declared tool, in their order."""
    return list(_tools()[name]["arguments"])


@cache
def declared_tools() -> tuple[dict[str, Any], ...]:
    """tools.yaml as OpenAI's function declarations."""
    return tuple({"type": "function", "function": {
        "name": name, "description": tool["description"],
        "parameters": {"type": "object", "additionalProperties": False,
                       "properties": {argument: {"type": "string", "description": words} for argument, words in tool["arguments"].items()}},
    }} for name, tool in _tools().items())


def rewrite(endpoint: Endpoint, questions: Sequence[str]) -> str:
    """The user's last question in words that need no context, in the model's words; EdgeError when it says nothing."""
    answer = endpoint.complete(rewriting_messages(questions), temperature=0)["choices"][0]["message"].get("content")
    if not isinstance(answer, str) or not answer.strip():
        raise EdgeError(f"expected a rewritten question of {endpoint.model!r}, found {str(answer)[:80]!r}; look at its training")
    return answer.strip()


def choose_tool(endpoint: Endpoint, question: str) -> Call:
    """The call that answers a standalone question; EdgeError when the endpoint gives none that can be read."""
    answer = endpoint.complete(tool_messages(question), tools=declared_tools(), tool_choice="required", temperature=0)
    try:
        function = answer["choices"][0]["message"]["tool_calls"][0]["function"]
        return read_call(function["name"], function["arguments"])
    except (KeyError, TypeError, IndexError):
        raise EdgeError(f"expected a tool call of {endpoint.model!r}, found {str(answer)[:80]!r}; serve the functions model") from None


def read_call(name: str, arguments: str) -> Call:
    """A call from its name and its arguments as JSON; EdgeError unless the tool is declared and has such arguments, all text."""
    try:
        found = json.loads(arguments)
    except (ValueError, RecursionError):
        found = None
    if name not in _tools() or not isinstance(found, dict) or not set(found) <= set(arguments_of(name)) \
            or not all(isinstance(value, str) for value in found.values()):
        raise EdgeError(f"expected a call of {', '.join(_tools())} with its arguments as text, found {name} {arguments[:80]}; "
                        "decode it under the tools' constraint")
    return Call(name, found)
