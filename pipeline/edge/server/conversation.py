"""A conversation as token ids: Qwen3's chat format with thinking off, the one of ``pipeline.runtime.prompt.template``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pipeline.edge.server.protocol import Message
from pipeline.edge.server.refusal import Refusal
from pipeline.runtime.prompt import Prompt, read_tokenizer

BEGIN, END, ANSWER = "<|im_start|>{}\n", "<|im_end|>\n", "<|im_start|>assistant\n<think>\n\n</think>\n\n"
ROLES = {"developer": "system", "tool": "user"}  # the newer name; and what a tool found is told as a user would tell it


class Conversation:
    """Encodes messages by the tokenizer.json of a model's directory, up to ``max_length`` ids."""

    def __init__(self, directory: Path, max_length: int) -> None:
        self._tokenizer, self._max_length = read_tokenizer(directory), max_length
        self._texts = Prompt(directory, "", "", max_length)  # reads control tokens as the text they are

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Ids up to where the answer begins; each message is stripped.  Refusal where they leave no room for one."""
        ids: list[int] = []
        for message in messages:
            ids += self._markers(BEGIN.format(ROLES.get(message.role, message.role))) + self._text(_said(message)) + self._markers(END)
        ids += self._markers(ANSWER)
        if len(ids) >= self._max_length:
            raise self._too_long()
        return ids

    def _markers(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _text(self, text: str) -> list[int]:
        if not text.strip():
            return []
        encoded = self._texts.encode(text)
        if encoded.truncated:
            raise self._too_long()
        return encoded.ids

    def _too_long(self) -> Refusal:
        return Refusal(400, f"expected a conversation of fewer than {self._max_length} tokens, found more; leave older messages out",
                       param="messages", code="context_length_exceeded")


def _said(message: Message) -> str:
    """The text of a message; a call of tools as the model itself writes it."""
    calls = [f'{{"name": {json.dumps(call.function.name)}, "arguments": {call.function.arguments}}}' for call in message.tool_calls or []]
    return "\n".join([*filter(None, [message.text]), *calls])
