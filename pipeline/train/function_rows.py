"""The function data as conversations for ms-swift; an answer ends with the end of its turn, which the runtime waits for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.edge.functions import END_OF_TURN, SYSTEMS
from pipeline.errors import EdgeError
from pipeline.train.inputs import Row, conversation


def read_function_rows(file: Path, base: Path, prompt: Mapping[str, Any]) -> list[Row]:
    """The file's examples as rows of at most ``max_length`` tokens; EdgeError names the first that is longer."""
    from pipeline.data.functions.examples import read_examples
    from pipeline.runtime.prompt import read_tokenizer, template

    tokenizer, rows = read_tokenizer(base), []
    for number, example in enumerate(read_examples(file), start=1):
        sides, answer = template(SYSTEMS[example.function]), example.answer + END_OF_TURN
        asked, answered = (tokenizer.encode(text, add_special_tokens=False).ids for text in
                           (f"{sides.prefix}{example.user}{sides.suffix}", answer))
        ids = (*asked, *answered)
        if len(ids) > prompt["max_length"]:
            raise EdgeError(f"{file}:{number}: expected at most {prompt['max_length']} tokens with the prompt, found {len(ids)} for "
                            f"{example.user[:40]!r}; raise functions.max_length")
        rows.append(Row(conversation(SYSTEMS[example.function], example.user, answer), ids, len(answered)))
    return rows
