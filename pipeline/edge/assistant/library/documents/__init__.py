"""Course files as text, one file a format: each reads a path into passages, page by page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from pipeline.errors import EdgeError, told
from pipeline.regular_file import check_regular_file

LONGEST = 1000  # characters of a passage; a longer page or section becomes several
FORMATS = {".pdf": "pdf", ".pptx": "pptx", ".docx": "docx", ".md": "markdown", ".markdown": "markdown", ".txt": "markdown"}
_BLANK = re.compile(r"[^\S\n]+|\n\s*\n+")
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


@dataclass(frozen=True)
class Passage:
    """``place``: where in the file it stands, for the reader: 第3页, a heading, or empty."""

    text: str
    place: str = ""


def read_document(path: Path) -> Iterator[Passage]:
    """The passages of a PDF, PPTX, DOCX, Markdown or text file, as they are read; none where it holds no text, as a scan does.

    EdgeError for whatever cannot be read: missing, empty, truncated, foreign, encrypted, a bomb.  MemoryError where there is not
    enough: the passages until then are good.
    """
    try:
        check_regular_file(path, "a course file")
        if not path.stat().st_size:
            raise EdgeError(f"{path}: expected a course file, found an empty one; save it again")
        yield from _passages(_reader(path)(path))
    except (EdgeError, MemoryError):
        raise
    except OSError as error:
        raise EdgeError(f"{path}: expected to read the file, found {told(error)}; check it") from None
    except Exception as error:  # a parser of a foreign file may raise whatever it likes
        found = f"{type(error).__name__}: {error}"[:160]
        raise EdgeError(f"{path}: expected a whole {path.suffix[1:].upper()} file, found {found}; open and save it again") from None


def _reader(path: Path) -> Callable[[Path], Iterator[Passage]]:
    name = FORMATS.get(path.suffix.lower())
    if name is None:
        raise EdgeError(f"{path}: expected one of {', '.join(FORMATS)}, found {path.suffix or 'no suffix'}; convert it")
    return import_module(f"{__name__}.{name}").read


def _passages(read: Iterator[Passage]) -> Iterator[Passage]:
    """Without what cannot be seen, blanks as one, and none longer than `LONGEST`."""
    for passage in read:
        text = _BLANK.sub(lambda blank: "\n" if "\n" in blank[0] else " ", _HIDDEN.sub("", passage.text)).strip()
        place = " ".join(_HIDDEN.sub("", passage.place).split())[:80]
        for piece in _pieces(text):
            yield Passage(piece, place)


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces that end at a line or a sentence where one ends in their second half."""
    while len(text) > LONGEST:
        cut = max(text.rfind(mark, LONGEST // 2, LONGEST) for mark in "\n。！？.") + 1 or LONGEST
        yield text[:cut].strip()
        text = text[cut:].lstrip()
    if text:
        yield text
