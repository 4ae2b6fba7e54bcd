"""Whether a document answers a question: Qwen3-Reranker's prompt and its two labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.compress.tasks.query import Query
from pipeline.data.retrieval.pairs import read_pairs
from pipeline.runtime.pair_prompt import SIDES, pair_text
from pipeline.runtime.prompt import Prompt, label_ids, read_tokenizer

NEEDS_TEXTS = False


def read(file: Path, settings: Mapping[str, Any]) -> list[Query]:
    """Pairs of a split; label 0 is yes, 1 is no."""
    return [Query(pair_text(settings["instruction"], pair.query, pair.document), int(not pair.relevant)) for pair in read_pairs(file)]


def prompt(directory: Path, settings: Mapping[str, Any]) -> Prompt:
    return Prompt(directory, *SIDES, settings["max_length"])


def answers(directory: Path, settings: Mapping[str, Any], texts: Sequence[str]) -> list[int]:
    return label_ids(read_tokenizer(directory), settings["labels"], SIDES.suffix)
