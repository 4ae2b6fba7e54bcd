"""What is known of the student's course files: added, removed, listed.  How they are found: `search`."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self

from pipeline.data.assistant.resource import Resource
from pipeline.edge.assistant.library.abbreviations import abbreviated
from pipeline.edge.assistant.library.database import connect, inode_of, set_aside
from pipeline.edge.assistant.library.documents import Passage
from pipeline.edge.assistant.library.terms import terms
from pipeline.edge.assistant.named import CourseName
from pipeline.errors import EdgeError

BATCH = 2000  # resources a transaction when many are added


@dataclass(frozen=True)
class Entry:
    """A course file as it is indexed.  ``root``: the folder that was imported.  ``path``: from there.  ``changed``: ns since 1970.

    ``digest``: sha256 of its bytes, empty where there is no file.
    """

    root: str
    path: str
    course: str
    chapter: int
    title: str
    kind: str
    passages: tuple[Passage, ...]
    size: int = 0
    changed: int = 0
    digest: str = ""


class Index:
    """One open index.  ``healed``: what was wrong with the file that was there before, or empty.  Threads may share it."""

    def __init__(self, path: Path, connection: sqlite3.Connection, inode: int, healed: str) -> None:
        self.path, self.healed = path, healed
        self._connection, self._inode, self._lock = connection, inode, threading.RLock()
        self._courses: tuple[int, tuple[CourseName, ...]] = (-1, ())

    @classmethod
    def open(cls, path: Path) -> Self:
        """A damaged or foreign file is moved aside and the index is empty then; EdgeError where there can be none."""
        return cls(path, *connect(path))

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def add(self, resources: Iterable[Resource], courses: Iterable[CourseName] = (), root: str = "") -> int:
        """How many were added, or replaced at their path; ``courses``: further names.  Many are committed `BATCH` at a time."""
        count, rest = 0, iter(resources)
        while batch := [_entry(resource, root) for resource in islice(rest, BATCH)]:
            count += self.put(batch)
        self.name(courses)
        return count

    def put(self, entries: Sequence[Entry]) -> int:
        """All of them or none."""
        with self.writing() as database:
            known = self._known_courses(entries)
            for entry in entries:
                self._remove(entry.root, entry.path)
                cursor = database.execute(
                    "INSERT INTO resources (root, path, course, chapter, title, kind, size, changed, digest) VALUES (?,?,?,?,?,?,?,?,?)",
                    (entry.root, entry.path, known[entry.course], entry.chapter, entry.title, entry.kind, entry.size, entry.changed,
                     entry.digest))
                place = _words_of_place(known[entry.course], entry.chapter, entry.kind, entry.path, entry.title)
                for passage in entry.passages or (Passage(""),):
                    row = database.execute("INSERT INTO passages (resource, place, text) VALUES (?,?,?)",
                                           (cursor.lastrowid, passage.place, passage.text))
                    database.execute("INSERT INTO terms (rowid, words) VALUES (?,?)", (row.lastrowid, _words(place, passage.text)))
        return len(entries)

    def remove(self, root: str, paths: Iterable[str]) -> int:
        """How many of them were there, and are no more."""
        with self.writing() as database:
            removed = sum([self._remove(root, path) for path in paths])
            database.execute("DELETE FROM courses WHERE id NOT IN (SELECT course FROM resources)")
        return removed

    def _remove(self, root: str, path: str) -> bool:
        found = self.read("SELECT id, course, chapter, kind, path, title FROM resources WHERE path = ? AND root = ?", path, root)
        for identity, *rest in found:
            place = _words_of_place(*rest)
            for row, text in self.read("SELECT id, text FROM passages WHERE resource = ?", identity):
                self._connection.execute("INSERT INTO terms (terms, rowid, words) VALUES ('delete', ?, ?)", (row, _words(place, text)))
            self._connection.execute("DELETE FROM passages WHERE resource = ?", (identity,))
            self._connection.execute("DELETE FROM resources WHERE id = ?", (identity,))
        return bool(found)

    def name(self, courses: Iterable[CourseName]) -> None:
        """What else courses are called; for those that are indexed."""
        with self.writing() as database:
            database.executemany("UPDATE courses SET aliases = ? WHERE name = ?",
                                 [(json.dumps(course.aliases, ensure_ascii=False), course.name) for course in courses])

    def courses(self) -> tuple[CourseName, ...]:
        """Every course with a file, by name, with what it is called and how it is abbreviated."""
        version = self.read("PRAGMA data_version")[0][0] + self._connection.total_changes
        if self._courses[0] != version:
            rows = self.read("SELECT name, aliases FROM courses ORDER BY name")
            self._courses = version, abbreviated([CourseName(name, tuple(json.loads(aliases))) for name, aliases in rows])
        return self._courses[1]

    def _known_courses(self, entries: Iterable[Entry]) -> dict[str, int]:
        names = list(dict.fromkeys(entry.course for entry in entries))
        self._connection.executemany("INSERT OR IGNORE INTO courses (name) VALUES (?)", [(name,) for name in names])
        return {name: self.read("SELECT id FROM courses WHERE name = ?", name)[0][0] for name in names}

    def read(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Rows; EdgeError where the file turns out to be damaged: it is moved aside, and whoever asks next makes a new one."""
        inode = self._inode  # before: of an older file at most
        try:
            return self._connected().execute(query, arguments).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._told(error, inode) from None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, or a part of the one that is open: all that the block does or nothing."""
        with self._lock:
            if self._connection.in_transaction:
                yield self._connection
                return
            inode = self._inode
            try:
                self._connected().execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
            except sqlite3.DatabaseError as error:
                raise self._told(error, inode) from None

    def _connected(self) -> sqlite3.Connection:
        """To the file that lies there now: another process may have moved a damaged one aside and made a new one."""
        if self._inode != inode_of(self.path):
            with self._lock:
                if self._inode != inode_of(self.path) and not self._connection.in_transaction:
                    self._connection, self._inode, self.healed = connect(self.path)  # a thread may still read the old one: not closed
                    self._courses = -1, ()
        return self._connection

    def _told(self, error: sqlite3.DatabaseError, inode: int) -> EdgeError:
        if "malformed" in str(error) or "not a database" in str(error):
            aside = set_aside(self.path, inode)
            kept = f"it is kept as {aside.name}" if aside else "another program has moved it aside"
            return EdgeError(f"{self.path}: expected a whole index, found damage ({error}); {kept}; import the folder again")
        return EdgeError(f"{self.path}: expected to use the index, found {error}; free space or let the other program end")


def course_facet(course: int) -> str:
    return f"§c{course}"  # § is in no term


def chapter_facet(chapter: int) -> str:
    return f"§h{chapter}"


def kind_facet(kind: str) -> str:
    return f"§k{kind}"


def _entry(resource: Resource, root: str) -> Entry:
    passages = tuple(Passage(text, f"第{number}页") for number, text in enumerate(resource.text, start=1))
    return Entry(root, resource.path, resource.course, resource.chapter, resource.title, resource.kind, passages)


def _words_of_place(course: int, chapter: int, kind: str, path: str, title: str) -> set[str]:
    """What every passage of a file is found by: its facets, and the words of its folders and its name without the course."""
    return {course_facet(course), chapter_facet(chapter), kind_facet(kind)} | terms(f"{path} {title}")


def _words(place: set[str], text: str) -> str:
    return " ".join(place | terms(text))
