"""A request of OpenAI's chat completions, and how one is read from whatever arrives."""

from __future__ import annotations

import json
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.edge.server.refusal import Refusal

MOST_LOGPROBS = 20
MOST_MESSAGES = 200
MOST_TOOLS = 128  # OpenAI's own bound
SEEDS = 2**63


class Strict(BaseModel):
    """No text stands for a number, and no number for a text."""

    model_config = ConfigDict(strict=True)


class Part(Strict):
    """Of all kinds of content a language model takes text."""

    type: Literal["text"]
    text: str


class CalledFunction(Strict):
    name: str
    arguments: str


class ToolCall(Strict):
    id: str = ""
    type: Literal["function"] = "function"
    function: CalledFunction


class Message(Strict):
    """One message of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    tool_calls: list[ToolCall] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Message:
        if self.content is None and not (self.role == "assistant" and self.tool_calls):
            raise ValueError(f"expected content in a message of the {self.role}, found none")
        return self

    @property
    def text(self) -> str:
        """The content as one text, empty where a call of tools stands instead."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content or [])


class Function(Strict):
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(Strict):
    """The declaration of one function."""

    type: Literal["function"]
    function: Function


class ChosenName(Strict):
    name: str


class ChosenTool(Strict):
    type: Literal["function"]
    function: ChosenName


class NamedSchema(Strict):
    name: str
    schema_: dict[str, Any] = Field(alias="schema")


class ResponseFormat(Strict):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None

    @model_validator(mode="after")
    def _has_its_schema(self) -> ResponseFormat:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("expected json_schema with the type json_schema, and only there")
        return self


class StreamOptions(Strict):
    include_usage: bool | None = None


class ChatRequest(Strict):
    """What is asked.  Fields that do not bear on the answer are let through; those that would, and are not offered, are refused."""

    model: str
    messages: list[Message] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=MOST_LOGPROBS)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    seed: int | None = Field(None, ge=-SEEDS, lt=SEEDS)
    stop: str | list[str] | None = Field(None, max_length=1000)
    response_format: ResponseFormat | None = None
    tools: list[Tool] | None = Field(None, max_length=MOST_TOOLS)
    tool_choice: Literal["none", "auto", "required"] | ChosenTool | None = None
    # What a model of the device does not do.
    frequency_penalty: float | None = Field(None, ge=0, le=0)
    presence_penalty: float | None = Field(None, ge=0, le=0)
    logit_bias: None = None
    functions: None = None
    function_call: None = None
    audio: None = None

    @model_validator(mode="after")
    def _fits_together(self) -> ChatRequest:
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs: expected logprobs to be true with it")
        if len(self.stops) > 4 or not all(self.stops):
            raise ValueError("stop: expected at most 4 texts, none of them empty")
        if self.tool_choice not in (None, "none", "auto") and not self.tools:
            raise ValueError("tool_choice: expected tools to choose from")
        return self

    @property
    def stops(self) -> list[str]:
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def most_tokens(self) -> int | None:
        """The most tokens of the answer, None where the request leaves it to the server."""
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens

    @property
    def last_user_message(self) -> str:
        """Its text; Refusal when the user said nothing."""
        said = [message.text for message in self.messages if message.role == "user"]
        if not said or not said[-1].strip():
            raise Refusal(400, "messages: expected a last user message with some text, found none; ask something", param="messages")
        return said[-1]

    @property
    def calls_a_tool(self) -> bool:
        return bool(self.tools) and self.tool_choice != "none"


Request = TypeVar("Request", bound=Strict)


def read_request(body: bytes, content_type: str, kind: type[Request]) -> Request:
    """The request of that kind in a body; Refusal in one line for anything else.

    Any web page may post a form or plain text to this machine, but JSON only to its own server.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Refusal(400, "expected the content type application/json, found another; set it")
    try:
        content = json.loads(body.decode("utf-8"), parse_constant=_no_number)
        json.dumps(content, ensure_ascii=False).encode()  # half a surrogate pair is JSON and no text
    except UnicodeError:
        raise Refusal(400, "expected a body in valid UTF-8, found other bytes; encode it anew") from None
    except RecursionError:
        raise Refusal(400, "expected JSON of fewer levels, found it nested too deep; flatten it") from None
    except ValueError as error:
        raise Refusal(400, f"expected JSON, found {str(error):.120}; correct it") from None
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise _mistake(error) from None


def _no_number(word: str) -> float:
    raise ValueError(f"{word}, which is no number of JSON")


def _mistake(error: ValidationError) -> Refusal:
    """The first mistake; what was sent is not repeated, for it may be long or secret."""
    first = error.errors(include_input=False, include_url=False)[0]
    param = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return Refusal(400, f"{param or 'the request'}: {message:.200}; correct it", param=param or None)
