"""The record as SQLite: every entry, and the totals that answers are read from.

All of it follows from the journal.  So no write waits for the disk: after an unclean end the file is made anew.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.edge.assistant.record.entry import FIELDS, UNDO, Entry, check_entry
from pipeline.edge.assistant.record.schedule import Review, reviewed
from pipeline.errors import EdgeError

DAMAGED = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What a file that is no such database raises; `is_refusal` tells the few that say nothing of it."""
VERSION = 1
_REFUSED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM)
WAIT = 10.0  # s, for another process that writes
_SCHEMA = """
CREATE TABLE entry(number INTEGER PRIMARY KEY, at TEXT, kind TEXT, course TEXT, chapter INTEGER, topic TEXT, minutes INTEGER,
    total INTEGER, right INTEGER, undoes INTEGER, crc INTEGER, undone INTEGER NOT NULL DEFAULT 0);
CREATE TABLE of_course(course TEXT, day TEXT, minutes INTEGER, total INTEGER, right INTEGER, entries INTEGER,
    PRIMARY KEY(course, day)) WITHOUT ROWID;
CREATE TABLE day(day TEXT PRIMARY KEY, minutes INTEGER, total INTEGER, right INTEGER, entries INTEGER) WITHOUT ROWID;
CREATE TABLE finished(course TEXT, chapter INTEGER, times INTEGER, PRIMARY KEY(course, chapter)) WITHOUT ROWID;
CREATE TABLE review(course TEXT, topic TEXT, number INTEGER, at TEXT, due TEXT, rating INTEGER, stability REAL, difficulty REAL,
    PRIMARY KEY(course, topic, number)) WITHOUT ROWID;
CREATE TABLE card(course TEXT, topic TEXT, due TEXT, rating INTEGER, number INTEGER, PRIMARY KEY(course, topic)) WITHOUT ROWID;
CREATE INDEX card_by_due ON card(due, course, topic);
CREATE INDEX card_by_rating ON card(rating, number, course, topic);
CREATE TABLE journal(applied INTEGER, size INTEGER);
INSERT INTO journal VALUES(0, 0);
CREATE TRIGGER studied AFTER INSERT ON entry WHEN new.kind IN ('session', 'exercise', 'chapter') BEGIN
    INSERT INTO of_course VALUES(new.course, substr(new.at, 1, 10), new.minutes, new.total, new.right, 1) ON CONFLICT DO UPDATE SET
        minutes = minutes + new.minutes, total = total + new.total, right = right + new.right, entries = entries + 1;
    INSERT INTO day VALUES(substr(new.at, 1, 10), new.minutes, new.total, new.right, 1) ON CONFLICT DO UPDATE SET
        minutes = minutes + new.minutes, total = total + new.total, right = right + new.right, entries = entries + 1;
END;
CREATE TRIGGER finished_one AFTER INSERT ON entry WHEN new.kind = 'chapter' BEGIN
    INSERT INTO finished VALUES(new.course, new.chapter, 1) ON CONFLICT DO UPDATE SET times = times + 1;
END;
CREATE TRIGGER undo AFTER INSERT ON entry WHEN new.kind = 'undo' BEGIN
    UPDATE entry SET undone = 1 WHERE number = new.undoes AND kind <> 'undo' AND NOT undone;
END;
CREATE TRIGGER undone AFTER UPDATE OF undone ON entry WHEN old.kind IN ('session', 'exercise', 'chapter') BEGIN
    UPDATE of_course SET minutes = minutes - old.minutes, total = total - old.total, right = right - old.right, entries = entries - 1
        WHERE course = old.course AND day = substr(old.at, 1, 10);
    DELETE FROM of_course WHERE course = old.course AND day = substr(old.at, 1, 10) AND entries = 0;
    UPDATE day SET minutes = minutes - old.minutes, total = total - old.total, right = right - old.right, entries = entries - 1
        WHERE day = substr(old.at, 1, 10);
    DELETE FROM day WHERE day = substr(old.at, 1, 10) AND entries = 0;
END;
CREATE TRIGGER unfinished AFTER UPDATE OF undone ON entry WHEN old.kind = 'chapter' BEGIN
    UPDATE finished SET times = times - 1 WHERE course = old.course AND chapter = old.chapter;
    DELETE FROM finished WHERE course = old.course AND chapter = old.chapter AND times = 0;
END;
"""
_COLUMNS = ", ".join(FIELDS)


def is_refusal(error: BaseException) -> bool:
    """Whether the system, or another process, keeps the file from being read or written, whatever is in it."""
    return isinstance(error, sqlite3.ProgrammingError) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _REFUSED


class Database:
    """An open file; `DAMAGED` where it turns out to be none, or one of another version."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = sqlite3.connect(path, timeout=WAIT, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("PRAGMA trusted_schema = OFF")
        version = self.ask("PRAGMA user_version")[0][0]
        if not version and not self.ask("SELECT 1 FROM sqlite_master LIMIT 1"):
            self._connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        elif version != VERSION:
            raise sqlite3.DatabaseError(f"expected version {VERSION}, found {version}")
        self.inode = path.stat().st_ino

    def close(self) -> None:
        self._connection.close()

    def ask(self, sql: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, tuple(parameters)).fetchall()

    def journal(self) -> tuple[int, int]:
        """The number of the last entry that is in here, and the size of the journal that it was the last of."""
        return self.ask("SELECT applied, size FROM journal")[0]

    def count(self, after: int) -> int:
        """Entries numbered above ``after``."""
        return self.ask("SELECT count(*) FROM entry WHERE number > ?", (after,))[0][0]

    def entry(self, number: int) -> Entry | None:
        found = self.ask(f"SELECT {_COLUMNS} FROM entry WHERE number = ?", (number,))
        return Entry(*found[0]) if found else None

    def newest(self) -> Entry | None:
        """The last entry that stands: what an undo would take back."""
        found = self.ask(f"SELECT {_COLUMNS} FROM entry WHERE kind <> '{UNDO}' AND NOT undone ORDER BY number DESC LIMIT 1")
        return Entry(*found[0]) if found else None

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Those numbered above ``after``, in order, as far as they can be read; one that does not have its checksum is left out."""
        with suppress(*DAMAGED):
            for *values, crc in self._connection.execute(f"SELECT {_COLUMNS}, crc FROM entry WHERE number > ? ORDER BY number", (after,)):
                with suppress(EdgeError, ValueError, TypeError, UnicodeEncodeError):
                    check_entry(entry := Entry(*values))
                    if zlib.crc32(entry.line()) == crc:
                        yield entry

    def apply(self, entries: Iterable[Entry], size: int) -> None:
        """All of them or none; ``size`` of the journal once they are in it.  One that is in here already is passed over."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            applied = self.journal()[0]
            for entry in entries:
                if entry.number > applied:
                    self._insert(entry)
                    applied = entry.number
            self._connection.execute("UPDATE journal SET applied = ?, size = ?", (applied, size))
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def back_up(self, path: Path) -> None:
        with sqlite3.connect(path) as copy:
            self._connection.backup(copy)
        copy.close()

    def _insert(self, entry: Entry) -> None:
        values = [getattr(entry, name) for name in FIELDS]
        self._connection.execute(f"INSERT INTO entry({_COLUMNS}, crc) VALUES({'?, ' * len(FIELDS)}?)", (*values, zlib.crc32(entry.line())))
        if entry.kind == UNDO:
            self._forget(self.entry(entry.undoes))
        elif entry.topic and (review := reviewed(self._last_review(entry), entry)):
            self._connection.execute("INSERT INTO review VALUES(?, ?, ?, ?, ?, ?, ?, ?)", (
                entry.course, entry.topic, entry.number, review.at, review.due, review.rating, review.stability, review.difficulty))
            self._connection.execute("REPLACE INTO card VALUES(?, ?, ?, ?, ?)", (
                entry.course, entry.topic, review.due, review.rating, entry.number))

    def _last_review(self, entry: Entry) -> Review | None:
        found = self.ask("SELECT at, due, rating, stability, difficulty FROM review WHERE course = ? AND topic = ? "
                         "ORDER BY number DESC LIMIT 1", (entry.course, entry.topic))
        return Review(*found[0]) if found else None

    def _forget(self, undone: Entry | None) -> None:
        """The card of an entry that was taken back is what the review before it made of it."""
        if undone is None or not undone.topic:
            return
        topic = (undone.course, undone.topic)
        self._connection.execute("DELETE FROM review WHERE course = ? AND topic = ? AND number = ?", (*topic, undone.number))
        self._connection.execute("DELETE FROM card WHERE course = ? AND topic = ?", topic)
        self._connection.execute("INSERT INTO card SELECT course, topic, due, rating, number FROM review "
                                 "WHERE course = ? AND topic = ? ORDER BY number DESC LIMIT 1", topic)
