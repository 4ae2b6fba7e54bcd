"""Keeps journal and database in step and in order, for any number of processes and threads.

A change is in the journal, on the disk, before it is in the database and before anybody is told that it is recorded.  A database that
is missing, damaged, foreign or was not closed is made again from the last good backup, the journal and what can be read of it.
"""

from __future__ import annotations

import heapq
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TypeVar

from pipeline.edge.assistant.record.database import DAMAGED, Database, is_refusal
from pipeline.edge.assistant.record.entry import Entry
from pipeline.edge.assistant.record.journal import Journal
from pipeline.edge.assistant.record.locks import Locks
from pipeline.edge.assistant.record.seal import seal, sealed, unseal
from pipeline.errors import EdgeError, told

BACKUPS = 3  # days
T = TypeVar("T")


class Safe:
    """``notes``: what was found out of order and mended, a line each.  EdgeError where the disk refuses."""

    def __init__(self, folder: Path) -> None:
        self.notes: list[str] = []
        self._folder, self._path, self._journal = folder, folder / "study.db", Journal(folder / "journal.jsonl")
        self._database: Database | None = None
        self._thread, self._closed = threading.RLock(), False
        self._behind = False  # whether the journal has what the database refused
        with self._refusals():
            folder.mkdir(parents=True, exist_ok=True)
            self._locks = Locks(folder)
            with self._locks.pen():
                alone = self._locks.alone()
                self._as_sealed = self._stamp() if alone and sealed(self._path) else None
                if alone and not self._as_sealed:
                    self._restore("was not closed, or is damaged")
                self._locks.enter()
                self._healing(self._catch_up)

    def close(self) -> None:
        """The last one out seals the database: what is as it was left need not be made again."""
        with self._thread:
            if self._closed:
                return
            with self._refusals():
                self._leave()
            self._closed = True

    def _leave(self) -> None:
        with self._locks.pen():
            with suppress(*DAMAGED):
                self._connected().journal()  # takes back what a killed process left half done
            self._disconnect()
            if self._path.exists() and self._locks.alone() and self._as_sealed != self._stamp():
                seal(self._path)
        self._locks.leave()

    def read(self, question: Callable[[Database], T]) -> T:
        """What the database answers; mended first where it cannot, and where it lacks what this process wrote."""
        with self._thread, self._refusals():
            if self._behind:
                with self._locks.pen():
                    self._healing(self._catch_up)
                self._behind = False
            return self._healing(question)

    def write(self, make: Callable[[Database], Sequence[Entry]]) -> list[Entry]:
        """Record the entries that ``make`` makes of the database as it is, numbered on; they are on the disk when this returns."""
        with self._thread, self._refusals(), self._locks.pen():
            self._healing(self._catch_up)
            entries = self._healing(lambda database: _numbered(make(database), database.journal()[0] + 1))
            if entries:
                size = self._journal.append(entries)
                self._behind = True
                with suppress(OSError, *DAMAGED):  # what is in the journal is recorded: the next to read or write tries again
                    self._healing(lambda database: database.apply(entries, size))
                    self._behind = False
                    self._back_up()
            return entries

    def _connected(self) -> Database:
        """The database as it lies there now: another process may have made it again."""
        if self._database and self._database.inode != self._stamp()[0]:
            self._disconnect()
        if not self._path.exists():
            raise sqlite3.DatabaseError("is missing")
        self._database = self._database or Database(self._path)
        return self._database

    def _disconnect(self) -> None:
        if self._database:
            self._database.close()
        self._database = None

    def _stamp(self) -> tuple[int, int, int]:
        with suppress(OSError):
            found = self._path.stat()
            return found.st_ino, found.st_mtime_ns, found.st_size
        return 0, 0, 0

    def _healing(self, action: Callable[[Database], T]) -> T:
        broken = None
        try:
            broken = self._connected()
            return action(broken)
        except DAMAGED as error:
            if is_refusal(error):
                raise
            with self._locks.pen():
                if broken is None or broken.inode == self._stamp()[0]:  # else another process was faster
                    self._restore(str(error))
                return action(self._connected())

    def _catch_up(self, database: Database, others: Iterable[Entry] = ()) -> None:
        """Bring in what journal and ``others`` have and the database lacks; afterwards the journal, too, has all of it."""
        self._journal.mend_end()
        applied, size = database.journal()
        whole = self._journal.holds(database.entry(applied) if applied else None, size)
        if whole and size == self._journal.size() and not others:
            return
        damaged: list[str] = []
        seen, known = 0, applied if whole else 0

        def journal() -> Iterator[Entry]:
            nonlocal seen
            for entry in self._journal.read(size if whole else 0, damaged.append):
                seen += 1
                yield entry

        database.apply(heapq.merge(journal(), others, key=lambda entry: entry.number), self._journal.size())
        self.notes += damaged
        if damaged or database.count(known) != seen:
            self.notes.append(f"{self._journal.path}: lacked entries and was written again")
            database.apply((), self._journal.rewrite(database.entries()))

    def _restore(self, why: str) -> None:
        """Make the database again; the old one stays beside it as ``study.damaged.db``."""
        self._disconnect()
        aside = self._path.with_name("study.damaged.db")
        old = self._set_aside(aside)
        backup = next((path for path in self._backups() if sealed(path)), None)
        if backup:
            shutil.copyfile(backup, self._path)
        database = self._database = Database(self._path)
        known = database.journal()[0]
        self._catch_up(database, old.entries(known) if old else ())
        if old:
            old.close()
        if old or backup or database.journal()[0]:
            self.notes.append(f"{self._path}: {why}; made again from {backup.name if backup else 'the journal'}, "
                              f"{database.journal()[0] - known:,} entries newer")

    def _set_aside(self, aside: Path) -> Database | None:
        """Move the database away with its rollback journal; open where it can be, to read of it what can be read."""
        for ending in ("", "-journal"):
            old, new = (path.with_name(path.name + ending) for path in (self._path, aside))
            new.unlink(missing_ok=True)
            if old.is_symlink() or old.exists():
                os.replace(old, new)
        unseal(self._path)
        with suppress(*DAMAGED):
            return Database(aside) if aside.is_file() and aside.stat().st_size else None
        return None

    def _backups(self) -> list[Path]:
        """Newest first."""
        return sorted((self._folder / "backup").glob("study-*.db"), reverse=True)

    def _back_up(self) -> None:
        """The first write of a day copies the database; a backup without its seal is no backup."""
        path = self._folder / "backup" / f"study-{date.today().isoformat()}.db"
        if path.with_suffix(".seal").exists():
            return
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        self._healing(lambda database: database.back_up(path))
        seal(path)
        for old in self._backups()[BACKUPS:]:
            unseal(old)
            old.unlink()

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        if self._closed:
            raise EdgeError(f"study record {self._folder}: expected an open record, found one that was closed; open it again")
        try:
            yield
        except OSError as error:
            raise EdgeError(f"study record {self._folder}: expected a folder to read and write, found {told(error)}; "
                            "free space or check the folder") from None
        except sqlite3.Error as error:
            raise EdgeError(f"study record {self._folder}: expected a database to read and write, found {error}; "
                            "free space, check the folder, or try again when no other program has it") from None


def _numbered(entries: Iterable[Entry], first: int) -> list[Entry]:
    return [replace(entry, number=number) for number, entry in enumerate(entries, start=first)]
