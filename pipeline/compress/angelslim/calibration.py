"""Prompts to calibrate with, from a file of the user's into token ids: what AngelSlim's data sets would make of it, unpadded.

Its own readers pad every line to one length and calibrate on the padding too.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from pipeline.data.jsonl import read_each, read_jsonl, text_of
from pipeline.data.records import _json_rows as lines_of
from pipeline.errors import EdgeError
from pipeline.runtime.prompt import Prompt, read_tokenizer, template

SYSTEM = "判断意图"
"""Of the prompt around a query, as in every profile."""


def prompts(file: Path, model: Path, *, samples: int = 128, length: int = 512, seed: int = 42) -> list[list[int]]:
    """At most ``samples`` prompts, drawn by ``seed``, as ids of the model's tokenizer, each at most ``length`` long.

    file: .jsonl, each line with a ``query`` (an intent record, asked as the project asks it), a ``text`` or ``messages`` (by the
    model's chat template); any other is read as plain text, a line a prompt.  EdgeError names file and line of the first mistake.
    """
    encode = _encoder(model, length)
    if file.suffix.lower() == ".jsonl":
        rows = read_jsonl(file, encode)
    else:
        rows = read_each(file, lines_of(file), lambda line, where: encode({"text": line.strip()}, where))
    found = [ids for _, ids in rows if ids]
    return found if len(found) <= samples else random.Random(seed).sample(found, samples)


def blocks(rows: Sequence[Sequence[int]], length: int) -> list[list[int]]:
    """The same ids one after another, cut into blocks of one length (AWQ keeps them in one tensor); what remains is left out."""
    ids = list(chain.from_iterable(rows))
    length = min(length, len(ids))
    return [ids[at:at + length] for at in range(0, len(ids) - length + 1, length)]


def _encoder(model: Path, length: int) -> Callable[[dict[str, Any], str], list[int]]:
    tokenizer, asked = read_tokenizer(model), Prompt(model, *template(SYSTEM), length)

    def encode(row: dict[str, Any], where: str) -> list[int]:
        if "query" in row:
            return asked.encode(text_of(row, "query", where)).ids
        text = _chat(model, row["messages"], where) if "messages" in row else text_of(row, "text", where)
        try:
            return tokenizer.encode(text, add_special_tokens=False).ids[:length]
        except TypeError:
            raise EdgeError(f"{where}: expected text in valid Unicode, found {ascii(text)[:60]}; correct the line") from None
    return encode


def _chat(model: Path, messages: Any, where: str) -> str:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True, trust_remote_code=False)
        return tokenizer.apply_chat_template(messages, tokenize=False)
    except Exception as error:  # the template is a program of the model's, which raises what it likes
        raise EdgeError(f"{where}: expected messages for the model's chat template, found {str(error)[:80]}; "
                        "write [{\"role\": …, \"content\": …}]") from None
