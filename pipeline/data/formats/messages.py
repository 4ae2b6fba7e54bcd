"""ms-swift's form: {"messages": [{"role": "system" | "user" | "assistant", "content": text}, ...], further fields}."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.data.formats.example import Example, Format, Numbered, check_example, check_extras
from pipeline.data.jsonl import kind, read_jsonl
from pipeline.errors import EdgeError

# ms-swift 4.6 drops a column that it does not know before it trains.  These it knows (RowPreprocessor.standard_keys), with
# or without rejected_, positive_ or negative_ before the first six, and these it takes for a conversation or its system message.
_PAIRED = ("messages", "images", "videos", "audios", "tools", "objects")
STANDARD = frozenset((
    *_PAIRED, *(f"{prefix}_{name}" for prefix in ("rejected", "positive", "negative") for name in _PAIRED),
    "rejected_response", "label", "channel", "margin", "teacher_prompt", "teacher_images", "chat_template_kwargs",
    "ref_audios", "audio_codes", "questions", "kinds", "options", "target_probs", "state", "question_ids", "criteria",
    "omnijev_column_keys", "omnijev_video",
))
TAKEN = STANDARD | {"conversation", "conversations", "system", "system_prompt", "history", "image", "video", "audio"}


def read(path: Path, mistakes: list[str]) -> Numbered:
    """The conversations of a .jsonl file by line."""
    return read_jsonl(path, _example, mistakes)


def conversation(example: Example) -> dict[str, Any]:
    """The example as {"messages": [...]}."""
    said = [("user", "assistant")[number % 2] for number in range(len(example.turns))]
    system = [("system", example.system)] if example.system else []
    turns = [*system, *zip(said, example.turns, strict=True), ("assistant", example.answer)]
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def _row(example: Example, where: str) -> dict[str, Any]:
    check_extras(example, TAKEN, "ms-swift", where)
    return conversation(example) | example.extras


def _example(row: dict[str, Any], where: str) -> Example:
    extras = dict(row)
    messages = [_message(message, where) for message in _list(extras.pop("messages", None), where)]
    system = messages.pop(0)[1] if messages and messages[0][0] == "system" else None
    roles, contents = [role for role, _ in messages], tuple(content for _, content in messages)
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        raise EdgeError(f"{where}: expected user and assistant in turn, from a user's message to an answer, found "
                        f"{', '.join(roles) or 'none'}; correct the roles")
    if system == "":
        raise EdgeError(f"{where}: expected a system message, found an empty one; write it or leave it out")
    return check_example(Example(system or "", contents[:-1], contents[-1], extras), where)


def _list(messages: Any, where: str) -> list[Any]:
    if not isinstance(messages, list):
        raise EdgeError(f"{where}: expected the field 'messages' with a list, found {kind(messages)}; write one object a message")
    return messages


def _message(message: Any, where: str) -> tuple[str, str]:
    """(role, content); anything more, such as a loss or tool calls, would be lost on the way."""
    if not isinstance(message, dict) or set(message) != {"role", "content"}:
        found = ", ".join(message) or "nothing" if isinstance(message, dict) else kind(message)
        raise EdgeError(f"{where}: expected a message of role and content alone, found {found:.60}; correct it")
    if not all(isinstance(value, str) for value in message.values()):
        raise EdgeError(f"{where}: expected role and content to be text, found {kind(message['role'])} and "
                        f"{kind(message['content'])}; quote them")
    return message["role"], message["content"]


FORMAT = Format(frozenset({"messages"}), read, _row)
