"""A retrieval data set as files: documents.jsonl, and a .jsonl of questions a split, as BEIR has them (Thakur et al. 2021)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.atomic import write_atomically
from pipeline.data.jsonl import read_jsonl, text_of
from pipeline.errors import EdgeError

DOCUMENTS = "documents.jsonl"
SPLITS = ("train", "validation", "challenge")


@dataclass(frozen=True)
class Document:
    """One that can be found."""

    id: str
    text: str


@dataclass(frozen=True)
class Question:
    """``relevant``: the ids of the documents that answer it, at least one."""

    text: str
    relevant: tuple[str, ...]


def write_documents(folder: Path, documents: Iterable[Document]) -> None:
    _write(folder / DOCUMENTS, ({"id": one.id, "text": one.text} for one in documents))


def write_questions(file: Path, questions: Iterable[Question]) -> None:
    _write(file, ({"query": one.text, "relevant": list(one.relevant)} for one in questions))


def read_documents(folder: Path) -> list[Document]:
    """EdgeError names file and line of the first mistake, such as an id that stands twice."""
    found = [document for _, document in read_jsonl(folder / DOCUMENTS, _document)]
    if twice := sorted({one.id for one in found if sum(other.id == one.id for other in found) > 1} if _repeats(found) else ()):
        raise EdgeError(f"{folder / DOCUMENTS}: expected an id of its own for each document, found {twice[0]!r:.40} twice; rename one")
    return found


def read_questions(file: Path) -> list[Question]:
    """EdgeError names file and line of the first mistake."""
    return [question for _, question in read_jsonl(file, _question)]


def _repeats(documents: list[Document]) -> bool:
    return len({one.id for one in documents}) < len(documents)


def _document(row: dict[str, Any], where: str) -> Document:
    return Document(text_of(row, "id", where), text_of(row, "text", where))


def _question(row: dict[str, Any], where: str) -> Question:
    relevant = row.get("relevant")
    if not isinstance(relevant, list) or not relevant or not all(isinstance(one, str) for one in relevant):
        raise EdgeError(f"{where}: expected relevant as a list of document ids, found {relevant!r:.40}; name at least one")
    return Question(text_of(row, "query", where), tuple(relevant))


def _write(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    write_atomically(file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
