"""A request of OpenAI's chat completions, as the gateway takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from pipeline.edge.server import protocol

MODEL, ASSISTANT = "edge-cloud", "learning-assistant"
LOCAL_ONLY = "local_only"
FORWARDED = {"stream", "temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "seed", "presence_penalty",
             "frequency_penalty"}


class Message(protocol.Message):
    """A user's message of the name ``local_only`` never leaves the device, nor does what was answered to it."""

    role: Literal["system", "developer", "user", "assistant"]
    name: str | None = None


class Metadata(BaseModel):
    """What a client says of its question; OpenAI's metadata holds texts, so "true" and "false".  Other keys are its own."""

    local_only: Literal["true", "false"] = "false"
    requires_reasoning: Literal["true", "false"] = "false"
    previous_failed: Literal["true", "false"] = "false"


class Question(protocol.ChatRequest):
    """The last message is the question, those before it the conversation.

    What changes the kind of answer (tools, a schema, logprobs) is not offered where two models answer.
    """

    messages: list[Message] = Field(min_length=1, max_length=protocol.MOST_MESSAGES)  # type: ignore[assignment]
    metadata: Metadata | None = None
    tools: None = None
    logprobs: Literal[False] | None = None
    response_format: None = None
    frequency_penalty: float | None = Field(None, ge=-2, le=2, allow_inf_nan=False)
    presence_penalty: float | None = Field(None, ge=-2, le=2, allow_inf_nan=False)

    @model_validator(mode="after")
    def _ends_with_a_question(self) -> Question:
        if self.messages[-1].role != "user" or not self.messages[-1].text.strip():
            raise ValueError("messages: expected the last one to be the user's, with some text")
        return self

    @property
    def turns(self) -> list[str]:
        """What the user said, the question last."""
        return [message.text.strip() for message in self.messages if message.role == "user" and message.text.strip()]

    @property
    def local_only(self) -> bool:
        return self.says(LOCAL_ONLY) or self.messages[-1].name == LOCAL_ONLY

    def says(self, flag: str) -> bool:
        """Whether the metadata holds that flag."""
        return self.metadata is not None and getattr(self.metadata, flag) == "true"

    def forwarded(self) -> list[dict[str, str]]:
        """The messages that may leave the device; no field of theirs but role and content does."""
        leave = may_leave([(message.role, message.name) for message in self.messages])
        return [{"role": message.role, "content": message.text} for message, free in zip(self.messages, leave, strict=True) if free]

    def options(self) -> dict[str, Any]:
        """The fields that a cloud is handed as they came."""
        options = self.model_dump(include=FORWARDED, exclude_none=True)
        return {**options, "stream_options": {"include_usage": True}} if self.stream else options


def may_leave(messages: Sequence[tuple[str, str | None]]) -> list[bool]:
    """Of each message's role and name, whether it may leave the device: not one named ``local_only``, nor what was answered to it."""
    free, found = True, []
    for role, name in messages:
        if role != "assistant":
            free = name != LOCAL_ONLY
        found.append(free and name != LOCAL_ONLY)
    return found
