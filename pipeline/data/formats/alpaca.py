"""Alpaca's form as ms-swift reads it: {"instruction", "input", "output", "system", "history": [[user, assistant], ...], further fields}.

What the user says last is the instruction and, where there is one, the input on the next line.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

from pipeline.data.formats.example import Example, Format, Numbered, check_example, check_extras
from pipeline.data.formats.messages import TAKEN
from pipeline.data.jsonl import kind, read_jsonl, text_of
from pipeline.errors import EdgeError

# Joined, the two cannot be told apart again: where there was an input, the instruction goes along as a field of its own.
SPLIT = "instruction"


def read(path: Path, mistakes: list[str]) -> Numbered:
    """The samples of a .jsonl file by line."""
    return read_jsonl(path, _example, mistakes)


def _example(row: dict[str, Any], where: str) -> Example:
    given = {"system": "", "input": "", **row}
    system, instruction, entered, output = (text_of(given, name, where) for name in ("system", "instruction", "input", "output"))
    history = _history(row.get("history", []), where)
    extras = {name: value for name, value in row.items() if name not in ("system", "instruction", "input", "output", "history")}
    if entered:
        extras[SPLIT] = instruction
    return check_example(Example(system, (*history, _joined(instruction, entered)), output, extras), where)


def _joined(instruction: str, entered: str) -> str:
    return "\n".join(filter(None, (instruction, entered)))


def _history(turns: Any, where: str) -> tuple[str, ...]:
    pairs = isinstance(turns, list) and all(isinstance(pair, list) and list(map(type, pair)) == [str, str] for pair in turns)
    if not pairs:
        raise EdgeError(f"{where}: expected the history as a list of [user, assistant], found {kind(turns)}; correct it or leave it out")
    return tuple(chain.from_iterable(turns))


def _row(example: Example, where: str) -> dict[str, Any]:
    extras = dict(example.extras)
    instruction, entered = _parted(example.turns[-1], extras.pop(SPLIT, None), where)
    check_extras(Example("", (), "", extras), TAKEN | {"input", "output"}, "whoever reads Alpaca", where)
    earlier = [list(pair) for pair in zip(example.turns[:-1:2], example.turns[1::2], strict=True)]
    asked = {"instruction": instruction, "input": entered, "output": example.answer}
    return asked | ({"system": example.system} if example.system else {}) | ({"history": earlier} if earlier else {}) | extras


def _parted(said: str, instruction: Any, where: str) -> tuple[str, str]:
    """(instruction, input) of what the user said, as it was before they were joined."""
    if instruction is None:
        return said, ""
    entered = said.removeprefix(f"{instruction}\n" if instruction else "")
    if not (isinstance(instruction, str) and entered and _joined(instruction, entered) == said):
        raise EdgeError(f"{where}: expected the field {SPLIT!r} to be how the user's last message begins, found {instruction!r:.40}; "
                        "rename it")
    return instruction, entered


FORMAT = Format(frozenset({"instruction", "output"}), read, _row)
