"""A vector of a text.

It has no labels.  What techniques compare or learn instead are the logits of many tokens at the end of the text: as they are products
with the state there, they tell every change of it that the tokens' rows span.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.compress.tasks.query import UNLABELLED, Query
from pipeline.data.retrieval.dataset import read_documents, read_questions
from pipeline.runtime.embedding import text_prompt
from pipeline.runtime.prompt import Prompt

NEEDS_TEXTS = True  # to answer
ROWS = 1024
"""Tokens whose logits are compared, at most: more than the width of the reference model, as many as Qwen3-0.6B's."""


def read(file: Path, settings: Mapping[str, Any]) -> list[Query]:
    """The split's questions, with their prefix, and all documents, by turns as far as they go."""
    asked = [settings["query_prefix"] + question.text for question in read_questions(file)]
    told = [document.text for document in read_documents(file.parent)]
    both = [text for pair in zip(asked, told, strict=False) for text in pair]
    rest = asked[len(told):] + told[len(asked):]
    return [Query(text, UNLABELLED) for text in both + rest]


def prompt(directory: Path, settings: Mapping[str, Any]) -> Prompt:
    return text_prompt(directory, settings["max_length"])


def answers(directory: Path, settings: Mapping[str, Any], texts: Sequence[str]) -> list[int]:
    """The first ROWS different tokens of the training texts: the same ones where a smaller vocabulary counts them otherwise."""
    encode, found = prompt(directory, settings), dict[int, None]()
    for text in texts:
        found |= dict.fromkeys(encode.encode(text).ids)
        if len(found) >= ROWS:
            break
    return list(found)[:ROWS]
