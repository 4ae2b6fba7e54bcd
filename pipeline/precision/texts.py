"""The texts that models are compared on: a file's, or a public data set's by its name."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pipeline.data.corpora import CORPORA, corpus
from pipeline.errors import EdgeError, told
from pipeline.regular_file import check_regular_file
from pipeline.runtime.prompt import read_tokenizer

FIELDS = ("text", "query", "prompt", "content", "question", "input")
LARGEST = 1 << 28  # bytes of a file of texts
SEED = 42


@dataclass(frozen=True)
class Texts:
    """Texts that do not depend on each other, and where they are from."""

    name: str
    documents: tuple[str, ...]

    def some(self, most: int | None) -> Texts:
        """At most ``most`` of them, always the same ones, in their order."""
        if most is None or len(self.documents) <= most:
            return self
        chosen = sorted(random.Random(SEED).sample(range(len(self.documents)), most))
        return Texts(self.name, tuple(self.documents[place] for place in chosen))

    def encoded(self, model: Path, longest: int | None = None) -> list[list[int]]:
        """Token ids of each text by the model's tokenizer, cut to ``longest``; those without a token to predict are left out."""
        tokenizer = read_tokenizer(model)
        ids = [list(one.ids)[:longest] for one in tokenizer.encode_batch(list(self.documents), add_special_tokens=False)]
        if not (kept := [one for one in ids if len(one) > 1]):
            raise EdgeError(f"{self.name}: expected texts of at least two tokens, found none; give longer ones")
        return kept


def texts(source: str) -> Texts:
    """The texts of a file or of a data set of `CORPORA`.

    A .jsonl has one a line, in the first of `FIELDS` that is there, or as a bare string; in any other file blank lines part them, and
    where there is none each line is one.  EdgeError for a file of no use, UnavailableError for a data set that cannot be had here.
    """
    if source not in CORPORA:
        return read_texts(Path(source))
    rows = list(corpus(source, "held out"))
    return Texts(source, tuple(blocks("\n".join(rows)) if source == "wikitext" else rows))


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
