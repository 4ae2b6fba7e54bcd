"""The function data as conversations for ms-swift; an answer ends with the end of its turn, which the runtime waits for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.edge.declared import EDITS
from pipeline.edge.functions import END_OF_TURN, SYSTEMS, TOOL_SELECTION, edited, leaning
from pipeline.errors import EdgeError
from pipeline.train.inputs import Row, conversation

if TYPE_CHECKING:
    from pipeline.data.functions.examples import Example


def read_rows(file: Path, base: Path, prompt: Mapping[str, Any]) -> list[Row]:
    """What the model is asked for each example of the file, as rows of at most ``max_length`` tokens; EdgeError names the first longer."""
    from pipeline.data.functions.examples import read_examples
    from pipeline.runtime.prompt import read_tokenizer, template

    tokenizer, rows = read_tokenizer(base), []
    for number, example in enumerate(read_examples(file), start=1):
        sides = template(SYSTEMS[example.function])
        for user, said in exchanges(example):
            asked, answered = (tokenizer.encode(text, add_special_tokens=False).ids for text in
                               (f"{sides.prefix}{user}{sides.suffix}", said + END_OF_TURN))
            ids = (*asked, *answered)
            if len(ids) > prompt["max_length"]:
                raise EdgeError(f"{file}:{number}: expected at most {prompt['max_length']} tokens with the prompt, found {len(ids)} for "
                                f"{user[:40]!r}; raise functions.max_length")
            rows.append(Row(conversation(SYSTEMS[example.function], user, said + END_OF_TURN), ids, len(answered)))
    return rows


def exchanges(example: Example) -> Iterator[tuple[str, str]]:
    """What is asked and what shall be said: a tool's call, or the edit of every question after the first."""
    if example.function == TOOL_SELECTION:
        yield example.user, example.answer
        return
    before, *later = example.user.split("\n")
    for question, said in zip(later, example.edits.split("\n"), strict=True):
        yield leaning(before, question), said
        before = edited(before, question, EDITS.parse(said))
