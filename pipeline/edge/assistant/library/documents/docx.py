"""DOCX, a passage a section under its heading, by python-docx."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from docx import Document
from docx.table import Table
from docx.text.paragraph import Paragraph

from pipeline.edge.assistant.library.documents import Passage
from pipeline.edge.assistant.library.documents.office import text_parts

_HEADINGS = ("heading", "title", "标题")


def read(path: Path) -> Iterator[Passage]:
    heading, lines = "", list[str]()
    for block in Document(text_parts(path)).iter_inner_content():
        if isinstance(block, Paragraph) and _is_heading(block) and block.text.strip():
            yield Passage("\n".join(lines), heading)
            heading, lines = block.text, [block.text]
        else:
            lines += _rows(block) if isinstance(block, Table) else [block.text]
    yield Passage("\n".join(lines), heading)


def _is_heading(paragraph: Paragraph) -> bool:
    style = paragraph.style
    return style is not None and (style.name or "").lower().startswith(_HEADINGS)


def _rows(table: Table) -> list[str]:
    return [" ".join(cell.text for cell in row.cells) for row in table.rows]
