"""PDF, a passage a page, by pypdf."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pypdf import PdfReader

from pipeline.edge.assistant.library.documents import Passage
from pipeline.errors import EdgeError


def read(path: Path) -> Iterator[Passage]:
    with path.open("rb") as file:  # a path would be read into memory whole
        document = PdfReader(file)
        if document.is_encrypted and not document.decrypt(""):  # an owner's password alone lets everybody read
            raise EdgeError(f"{path}: expected a file that opens without a password, found an encrypted PDF; save it without")
        for number, page in enumerate(document.pages, start=1):
            yield Passage(page.extract_text(), f"第{number}页")
