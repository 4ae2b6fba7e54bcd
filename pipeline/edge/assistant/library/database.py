"""The file that the index lives in: SQLite with FTS5, made where there is none, moved aside where it is damaged or foreign."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from pipeline.errors import EdgeError, told

APPLICATION, VERSION = 0x45444745, 2  # a change of the schema or of `terms` raises VERSION
CHECKED = 64 << 20  # bytes; a larger file is not checked whole at every start
CACHE = 16 << 10  # KiB of pages in memory

# terms keeps no text of its own (content='') and no positions (detail=none): both are read from passages where needed.
# imported: the folders that were read to their end once.
SCHEMA = """
CREATE TABLE courses (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, aliases TEXT NOT NULL DEFAULT '[]');
CREATE TABLE resources (
    id INTEGER PRIMARY KEY, root TEXT NOT NULL, path TEXT NOT NULL, course INTEGER NOT NULL REFERENCES courses, chapter INTEGER NOT NULL,
    title TEXT NOT NULL, kind TEXT NOT NULL, size INTEGER NOT NULL, changed INTEGER NOT NULL, digest TEXT NOT NULL, UNIQUE (path, root));
CREATE INDEX by_place ON resources (course, chapter, kind);
CREATE INDEX by_chapter ON resources (chapter, kind);
CREATE INDEX by_kind ON resources (kind);
CREATE INDEX by_digest ON resources (digest) WHERE digest != '';
CREATE TABLE passages (id INTEGER PRIMARY KEY, resource INTEGER NOT NULL REFERENCES resources, place TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX by_resource ON passages (resource);
CREATE TABLE skipped (
    root TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL, changed INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (root, path));
CREATE TABLE imported (root TEXT PRIMARY KEY);
CREATE VIRTUAL TABLE terms USING fts5 (words, content='', detail=none, columnsize=0, tokenize='ascii');
INSERT INTO terms (terms, rank) VALUES ('hashsize', 33554432);
"""


def connect(path: Path) -> tuple[sqlite3.Connection, int, str]:
    """The open database, its inode, and a line about what was wrong with the file that was there, if anything was; it is kept beside.

    EdgeError where no database can be made there.
    """
    fault = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(path):  # nobody sees a file that is half made
            if path.exists() and (fault := _fault(path)):
                fault = (f"{path}: expected an index of version {VERSION}, found {fault}; it is kept as {move_aside(path).name}, "
                         "and a new one is made")
            return _opened(path), inode_of(path), fault
    except (sqlite3.Error, OSError) as error:
        reason = told(error) if isinstance(error, OSError) else error
        raise EdgeError(f"{path}: expected an index, or a folder for one, found {reason}; check the path or free space") from None


def inode_of(path: Path) -> int:
    """Of the file that lies there now; 0 where there is none."""
    with suppress(OSError):
        return path.stat().st_ino
    return 0


def set_aside(path: Path, inode: int) -> Path | None:
    """Where that damaged file now is; None where another file lies there by now, or none, as another process was faster."""
    try:
        with _lock(path):
            return move_aside(path) if inode == inode_of(path) else None
    except OSError as error:
        raise EdgeError(f"{path}: expected to move a damaged index aside, found {told(error)}; check the folder") from None


def move_aside(path: Path) -> Path:
    """Where the file now is; what SQLite keeps beside it goes along."""
    number = next(number for number in range(1, 10_000) if not path.with_name(f"{path.name}.damaged{number}").exists())
    aside = path.with_name(f"{path.name}.damaged{number}")
    for end in ("-wal", "-shm"):
        beside = path.with_name(path.name + end)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + end))
    return path.rename(aside)


def _lock(path: Path) -> FileLock:
    return FileLock(path.with_name(f"{path.name}.lock"))


def _fault(path: Path) -> str:
    """Why the file is no index that could be used; empty where it is one."""
    if not path.is_file():
        raise EdgeError(f"{path}: expected a file for the index, found a directory or a device; name another")
    if not path.stat().st_size:
        return ""
    try:
        connection = _connection(path)
        try:
            made_by = connection.execute("PRAGMA application_id").fetchone()[0], connection.execute("PRAGMA user_version").fetchone()[0]
            if made_by != (APPLICATION, VERSION):
                return "another version or another program's file"
            if path.stat().st_size > CHECKED:
                return ""
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            return "" if found == "ok" else f"damage ({' '.join(found.split())[:80]})"
        finally:
            connection.close()
    except sqlite3.OperationalError:  # locked, no permission: no fault of the file
        raise
    except sqlite3.DatabaseError as error:
        return f"damage ({error})"


def _opened(path: Path) -> sqlite3.Connection:
    connection = _connection(path)
    connection.execute("PRAGMA journal_mode = WAL")
    if not connection.execute("PRAGMA application_id").fetchone()[0]:
        connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION}; "
                                 f"PRAGMA user_version = {VERSION}; COMMIT;")
    return connection


def _connection(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    connection.executescript(f"PRAGMA synchronous = NORMAL; PRAGMA cache_size = -{CACHE}; PRAGMA secure_delete = OFF;")
    return connection
