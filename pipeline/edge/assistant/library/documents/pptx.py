"""PPTX, a passage a slide with its notes, by python-pptx."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pptx import Presentation

from pipeline.edge.assistant.library.documents import Passage
from pipeline.edge.assistant.library.documents.office import text_parts


def read(path: Path) -> Iterator[Passage]:
    for number, slide in enumerate(Presentation(text_parts(path)).slides, start=1):
        said = [*_texts(slide.shapes), *(_texts(slide.notes_slide.shapes) if slide.has_notes_slide else ())]
        yield Passage("\n".join(said), f"第{number}页")


def _texts(shapes: Iterable[Any]) -> Iterator[str]:
    """Of shapes, of those grouped in them, and of tables."""
    waiting = list(shapes)[::-1]
    while waiting:
        shape = waiting.pop()
        if hasattr(shape, "shapes"):
            waiting += list(shape.shapes)[::-1]
        elif shape.has_text_frame:
            yield shape.text_frame.text
        elif getattr(shape, "has_table", False):
            yield from (" ".join(cell.text for cell in row.cells) for row in shape.table.rows)
