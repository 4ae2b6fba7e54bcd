"""What the student thinks of the answers: kept on this machine, after asking, as one JSON object a line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.atomic import write_atomically
from pipeline.data.assistant.tasks import TASKS
from pipeline.data.jsonl import parse_object, read_jsonl
from pipeline.errors import EdgeError

SATISFIED_FROM = 4  # stars
LONGEST_QUESTION = 4000
_TASKS = {task.name for task in TASKS}


@dataclass(frozen=True)
class Rating:
    """``stars``: 1 to 5, or ``satisfied``: yes or no; one of the two.  ``time``: ISO 8601.  ``question``: only where that was agreed."""

    task: str | None
    time: str
    stars: int | None = None
    satisfied: bool | None = None
    question: str | None = None

    def __post_init__(self) -> None:
        if (self.stars is None) == (self.satisfied is None):
            raise EdgeError("expected stars or satisfied, one of the two, found both or neither; send one")
        if self.stars is not None and (type(self.stars) is not int or not 1 <= self.stars <= 5):
            raise EdgeError(f"expected 1 to 5 stars, found {self.stars!r:.40}; correct it")
        if self.satisfied is not None and type(self.satisfied) is not bool:
            raise EdgeError(f"expected satisfied to be true or false, found {self.satisfied!r:.40}; correct it")
        if self.task is not None and self.task not in _TASKS:
            raise EdgeError(f"expected a task of {', '.join(sorted(_TASKS))}, found {self.task!r:.40}; correct it")
        if not isinstance(self.time, str) or not (self.question is None or isinstance(self.question, str)):
            raise EdgeError("expected time and question as text, found something else; correct it")

    @property
    def is_satisfied(self) -> bool:
        return self.satisfied if self.satisfied is not None else (self.stars or 0) >= SATISFIED_FROM


@dataclass(frozen=True)
class Consent:
    """``ratings``: whether ratings may be kept at all (None: not asked yet); ``questions``: with what was asked."""

    ratings: bool | None = None
    questions: bool = False


class Ratings:
    """The ratings in a folder, and what was agreed about keeping them."""

    def __init__(self, folder: Path) -> None:
        self.file, self._consent = folder / "ratings.jsonl", folder / "consent.json"

    @property
    def consent(self) -> Consent:
        """What was agreed; a file that cannot be read agrees to nothing."""
        try:
            said = parse_object(self._consent.read_text(encoding="utf-8"), str(self._consent))
        except (OSError, UnicodeDecodeError, EdgeError):
            return Consent()
        ratings = said.get("ratings")
        return Consent(ratings if isinstance(ratings, bool) else None, said.get("questions") is True)

    def agree(self, consent: Consent) -> None:
        """Remember what was agreed."""
        write_atomically(self._consent, json.dumps(vars(consent)) + "\n", durable=True)

    def withdraw(self) -> bool:
        """Keep no more, until it is agreed anew; whether it had been agreed.  What is kept stays the student's, to delete or not."""
        was_agreed = self.consent.ratings is True
        self.agree(Consent(False))
        return was_agreed

    def add(self, *, task: str | None, stars: int | None = None, satisfied: bool | None = None, question: str | None = None,
            agreed: Consent | None = None, now: datetime | None = None) -> Rating:
        """Keep a rating; the question only where that was agreed.  ``agreed``: with this rating, and remembered where it is one.

        EdgeError without consent, and for what is no rating.
        """
        consent = agreed or self.consent
        if not consent.ratings:
            raise EdgeError("expected the student's consent to keep ratings, found none; ask first (`edge assistant rate`)")
        kept = question[:LONGEST_QUESTION] if question is not None and consent.questions else None
        rating = Rating(task, (now or datetime.now(UTC)).isoformat(timespec="seconds"), stars, satisfied, kept)
        if agreed:
            self.agree(agreed)
        append_line(self.file, {name: value for name, value in vars(rating).items() if value is not None})
        return rating

    def read(self, mistakes: list[str] | None = None) -> list[Rating]:
        """All ratings, none where nobody has rated; with ``mistakes`` a bad line is told there and left out, else raised."""
        if not self.file.exists():
            return []
        return [rating for _, rating in read_jsonl(self.file, _rating, mistakes)]


def satisfied(ratings: Iterable[Rating]) -> list[int]:
    """1 for each rating of 4 stars or more, or that says so."""
    return [int(rating.is_satisfied) for rating in ratings]


def append_line(file: Path, row: dict[str, Any]) -> None:
    """Add a line in one write, after a line's end where the last one was cut; EdgeError when the disk refuses."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(handle).st_size
            torn = size and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, (("\n" if torn else "") + json.dumps(row, ensure_ascii=False) + "\n").encode("utf-8", errors="replace"))
        finally:
            os.close(handle)
    except OSError as error:
        raise EdgeError(f"{file}: expected to write the file, found {error.strerror or error}; free space or check the folder") from None


def _rating(row: dict[str, Any], where: str) -> Rating:
    if unknown := row.keys() - Rating.__dataclass_fields__.keys():
        raise EdgeError(f"{where}: expected the fields of a rating, found {sorted(unknown)[0]!r:.40}; remove it")
    try:
        return Rating(**{"task": None, "time": "", **row})
    except EdgeError as mistake:
        raise EdgeError(f"{where}: {mistake}") from None
