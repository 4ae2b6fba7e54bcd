"""Texts to calibrate by, read and tokenised once: rows {"text", "ids"}, which every backend reads."""

from __future__ import annotations

import json
import random
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from pipeline.atomic import write_atomically
from pipeline.data.corpora import CORPORA, RUNNING, corpus
from pipeline.data.jsonl import parse_object, read_jsonl
from pipeline.errors import EdgeError
from pipeline.precision.texts import blocks_of, read_texts
from pipeline.regular_file import check_regular_file
from pipeline.runtime.prompt import read_tokenizer, template

FILE = "calibration.jsonl"
FORMS = '{"text": …}, {"messages": […]} or an intent record with "query"'
SHORTEST = 200
"""Characters of a corpus' text: headings and empty lines are left out."""


def write_calibration(out: Path, *, source: Path, data: str, samples: int, length: int, seed: int, system: str) -> None:
    """Write ``samples`` of the texts of ``data``, drawn by ``seed``, with their ids by the tokenizer of ``source``, at most ``length``.

    An intent record's query stands in the prompt with ``system``, exactly as it will be asked.  Of a running text, blocks of ``length``
    tokens are drawn.  EdgeError for other texts, or none.
    """
    tokenizer, draw = read_tokenizer(source), random.Random(seed)
    if data in RUNNING:
        found = blocks_of(tokenizer, corpus(data, "train"), length)
        rows = [(tokenizer.decode(ids, skip_special_tokens=False), ids) for ids in draw.sample(found, min(samples, len(found)))]
    else:
        texts = list(corpus(data, "train", samples, SHORTEST)) if data in CORPORA else _texts(Path(data), source, system)
        chosen = draw.sample(texts, min(samples, len(texts)))
        rows = [(text, tokenizer.encode(text, add_special_tokens=False).ids[:length]) for text in chosen]
    if not any(ids for _, ids in rows):
        raise EdgeError(f"{data}: expected at least one text to calibrate by, found none; give {FORMS}, or texts with blank lines between")
    write_atomically(out / FILE, "".join(json.dumps({"text": text, "ids": ids}, ensure_ascii=False) + "\n" for text, ids in rows if ids))


def token_ids(file: Path) -> list[list[int]]:
    """The ids of every row."""
    return [parse_object(line, str(file))["ids"] for line in file.read_text(encoding="utf-8").splitlines()]


def _texts(file: Path, source: Path, system: str) -> list[str]:
    try:
        check_regular_file(file, f"calibration data: a file, or one of {', '.join(CORPORA)}")
        if file.suffix.lower() == ".jsonl":
            build = partial(_text, ask=template(system), source=source)
            return [text for _, text in read_jsonl(file, build) if text.strip()]
        return list(read_texts(file).documents)
    except (OSError, UnicodeDecodeError) as error:
        raise EdgeError(f"{file}: expected readable UTF-8 text to calibrate by, found {error}") from None


def _text(row: dict[str, Any], where: str, *, ask: Any, source: Path) -> str:
    """A row's text, whatever form it has."""
    if isinstance(text := row.get("text"), str):
        return text
    if isinstance(query := row.get("query"), str):
        return f"{ask.prefix}{query.strip()}{ask.suffix}"
    if isinstance(messages := row.get("messages"), list):
        return _conversation(messages, where, source)
    raise EdgeError(f"{where}: expected {FORMS}, found the fields {', '.join(sorted(row)) or 'none'}; convert it (edge data convert)")


def _conversation(messages: list[Any], where: str, source: Path) -> str:
    try:
        return str(_chat_tokenizer(source).apply_chat_template(messages, tokenize=False))
    except Exception as error:  # jinja, tokenizers and a template's own
        raise EdgeError(f"{where}: expected messages that the model's chat template takes, found {error!s:.200}; give text rows") from None


@lru_cache(maxsize=1)
def _chat_tokenizer(source: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(source, local_files_only=True, trust_remote_code=False)
