"""Which intent a query has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.compress.tasks.query import Query
from pipeline.data.intents import INTENTS
from pipeline.data.records import read_records
from pipeline.runtime.prompt import Prompt, label_ids, read_tokenizer, template

NEEDS_TEXTS = False


def read(file: Path, settings: Mapping[str, Any]) -> list[Query]:
    of = {intent.name: at for at, intent in enumerate(INTENTS)}
    return [Query(record.query, of[record.intent]) for record in read_records(file)]


def prompt(directory: Path, settings: Mapping[str, Any]) -> Prompt:
    return Prompt(directory, *template(settings["system"]), settings["max_length"])


def answers(directory: Path, settings: Mapping[str, Any], texts: Sequence[str]) -> list[int]:
    """The labels' tokens after the prompt, in the order of the intents."""
    return label_ids(read_tokenizer(directory), [intent.label for intent in INTENTS], template(settings["system"]).suffix)
