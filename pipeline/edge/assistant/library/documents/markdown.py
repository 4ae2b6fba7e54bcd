"""Markdown and plain text, a passage a section under its heading."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.edge.assistant.library.documents import Passage
from pipeline.errors import EdgeError

READ = 16 << 20  # bytes; the rest of a longer text stays unread
_HEADING = re.compile(r"#{1,6}[ \t]+(.+?)[ \t#]*")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read(path: Path) -> Iterator[Passage]:
    heading, lines, fenced = "", list[str](), False
    for line in _text(path).splitlines():
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        found = None if fenced else _HEADING.fullmatch(line)
        if found:
            yield Passage("\n".join(lines), heading)
            heading, lines = found[1], [found[1]]
        else:
            lines.append(line)
    yield Passage("\n".join(lines), heading)


def _text(path: Path) -> str:
    """In UTF-8, in UTF-16 with its mark, else in GB 18030, as Chinese systems wrote it; EdgeError for what is no text."""
    with path.open("rb") as file:
        data = file.read(READ)
    marked = [encoding for mark, encoding in _MARKS if data.startswith(mark)]
    for encoding in marked or ["utf-8", "gb18030"]:
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(data)  # a character cut at the end is left out
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise EdgeError(f"{path}: expected text in UTF-8 or GB 18030, found other bytes; save it as UTF-8")
