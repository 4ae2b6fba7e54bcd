"""The texts that models are compared on: a file's, or a public data set's by its name."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from tokenizers import Tokenizer

from pipeline.data.corpora import CORPORA, RUNNING, corpus
from pipeline.errors import EdgeError, told
from pipeline.regular_file import check_regular_file
from pipeline.runtime.prompt import read_tokenizer

FIELDS = ("text", "query", "prompt", "content", "question", "input")
LARGEST = 1 << 28  # bytes of a file of texts
SEED = 42
BLOCK = 2048
"""Tokens of a piece of a running text: what figures on WikiText are mostly of (Frantar et al., ICLR 2023)."""
Item = TypeVar("Item")


@dataclass(frozen=True)
class Texts:
    """Texts that do not depend on each other, and where they are from.

    block: None, or tokens of a text, where the documents are the lines of one running text and blocks of it are the texts.
    """

    name: str
    documents: tuple[str, ...]
    block: int | None = None

    def encoded(self, model: Path, longest: int | None = None, most: int | None = None) -> list[list[int]]:
        """Token ids of at most ``most`` texts by the model's tokenizer, always the same ones in their order, cut to ``longest`` where
        they are no blocks; those without a token to predict are left out."""
        tokenizer = read_tokenizer(model)
        if self.block:
            ids = some(blocks_of(tokenizer, self.documents, self.block), most)
        else:
            ids = [list(one.ids)[:longest] for one in tokenizer.encode_batch(some(self.documents, most), add_special_tokens=False)]
        if not (kept := [one for one in ids if len(one) > 1]):
            raise EdgeError(f"{self.name}: expected texts of at least two tokens, found none; give longer ones")
        return kept


def texts(source: str) -> Texts:
    """The texts of a file or of a data set of `CORPORA`.

    WikiText's is one running text, in blocks of `BLOCK` tokens.  A .jsonl has one a line, in the first of `FIELDS` that is there, or as a
    bare string; in any other file blank lines part them, and where there is none each line is one.  EdgeError for a file of no use,
    UnavailableError for a data set that cannot be had here.
    """
    if source not in CORPORA:
        return read_texts(Path(source))
    return Texts(source, tuple(corpus(source, "held out")), BLOCK if source in RUNNING else None)


def some(items: Sequence[Item], most: int | None) -> list[Item]:
    """At most ``most`` of them, always the same ones, in their order."""
    if most is None or len(items) <= most:
        return list(items)
    return [items[place] for place in sorted(random.Random(SEED).sample(range(len(items)), most))]


def blocks_of(tokenizer: Tokenizer, rows: Iterable[str], length: int) -> list[list[int]]:
    """Token ids of a running text, its rows joined by an empty line, in blocks of ``length``; what is left over at the end goes, unless it
    is all there is."""
    ids = tokenizer.encode("\n\n".join(rows), add_special_tokens=False).ids
    return [ids[at:at + length] for at in range(0, len(ids) - length + 1, length)] or [ids]


def read_texts(file: Path) -> Texts:
    """The texts of a file; EdgeError where it is missing, too large, not UTF-8 or without a text."""
    try:
        check_regular_file(file, f"texts: a file, or {' or '.join(CORPORA)}")
        if (size := file.stat().st_size) > LARGEST:
            raise EdgeError(f"{file}: expected at most {LARGEST >> 20} MiB of texts, found {size >> 20}; cut it")
        content = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise EdgeError(f"expected a file of texts, found {told(error)}; check the path") from None
    except UnicodeDecodeError as error:
        raise EdgeError(f"{file}: expected texts in UTF-8, found byte {error.start} that is not; save it as UTF-8") from None
    found = _of_lines(file, content) if file.suffix == ".jsonl" else blocks(content)
    if not found:
        raise EdgeError(f"{file}: expected at least one text, found none; give a file with some")
    return Texts(file.name, tuple(found))


def _of_lines(file: Path, content: str) -> list[str]:
    found = []
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            try:
                entry = json.loads(line)
            except ValueError as error:
                raise EdgeError(f"{file}:{number}: expected one JSON text or object a line, found {error}; mend the line") from None
            text = entry if isinstance(entry, str) else next((entry[name] for name in FIELDS if name in entry), None) \
                if isinstance(entry, dict) else None
            if not isinstance(text, str):
                raise EdgeError(f"{file}:{number}: expected a text, or an object with one of {', '.join(FIELDS)}, found {line[:60]!r}")
            found += [text] if text.strip() else []
    return found


def blocks(content: str) -> list[str]:
    """What blank lines part, or every line where there is none; a line of spaces is blank."""
    lines = [line.strip() for line in content.strip().splitlines()]
    if "" not in lines:
        return lines
    return ["\n".join(part) for filled, part in groupby(lines, bool) if filled]
