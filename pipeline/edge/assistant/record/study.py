"""The study record of one student."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.edge.assistant.record.database import Database
from pipeline.edge.assistant.record.entry import UNDO, Entry, check_entry
from pipeline.edge.assistant.record.safe import Safe


class StudyRecord:
    """Sessions, exercises, weak points and finished chapters, in a folder; its own context manager.

    Any number of processes and threads may have it open.  ``notes``: what was found damaged and mended, a line each.
    """

    def __init__(self, safe: Safe) -> None:
        self._safe = safe

    @classmethod
    def open(cls, folder: Path) -> StudyRecord:
        """The record in that folder, made if there is none and mended if need be; EdgeError where the disk refuses."""
        return cls(Safe(folder))

    def close(self) -> None:
        self._safe.close()

    def __enter__(self) -> StudyRecord:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def notes(self) -> list[str]:
        return self._safe.notes

    def log(self, kind: str, at: datetime, **said: Any) -> Entry:
        """Record what was done, and return it as it is recorded.  ``said``: fields of `Entry`; EdgeError for what cannot be."""
        return self.extend([Entry(1, zoned(at), kind, **{name: _clean(value) for name, value in said.items()})])[0]

    def undo(self, at: datetime) -> Entry | None:
        """Take back the newest entry that stands, and return it; None where there is none."""
        taken: list[Entry] = []

        def undoing(database: Database) -> list[Entry]:
            taken[:] = [entry for entry in [database.newest()] if entry]
            return [Entry(1, zoned(at), UNDO, undoes=entry.number) for entry in taken]

        self._safe.write(undoing)
        return taken[0] if taken else None

    def extend(self, entries: Iterable[Entry]) -> list[Entry]:
        """Record many at once, numbered anew."""
        entries = list(entries)
        for entry in entries:
            check_entry(entry)
        return self._safe.write(lambda _: entries)

    def ask(self, sql: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of the database, for `pipeline.edge.assistant.record.progress`."""
        parameters = tuple(parameters)
        return self._safe.read(lambda database: database.ask(sql, parameters))


def zoned(at: datetime) -> str:
    """ISO 8601; a time without a zone is one of this machine's."""
    return (at if at.tzinfo else at.astimezone()).isoformat()


def _clean(value: Any) -> Any:
    """Text that UTF-8 can hold: half a surrogate pair becomes a question mark."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
