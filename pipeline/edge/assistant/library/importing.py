"""Index a folder of course files: what is new or changed is read, the rest is known, what is gone is forgotten."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from pipeline.atomic import write_atomically
from pipeline.digest import file_digest
from pipeline.edge.assistant.library.documents import Passage
from pipeline.edge.assistant.library.filing import chapter_of, course_of, kind_of
from pipeline.edge.assistant.library.index import Entry, Index
from pipeline.edge.assistant.library.reading import Contents, Limits, Reader
from pipeline.edge.assistant.library.walking import Seen, walk
from pipeline.errors import EdgeError, told
from pipeline.progress import track

BATCH, SECONDS = 32, 2.0  # files, or time, after which what was read is committed
DIGESTED = 64 << 20  # bytes; a larger file is not read here to be known again, only by the reader, within its limits


@dataclass
class Imported:
    """Counts of files; ``skipped`` and ``left_out``: a line for each file that was not read, or not to its end."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    skipped: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def open_library(path: Path, tell: Callable[[str], None]) -> Index:
    """The index; where it was damaged or is gone, or an import was interrupted, what it lacks of the folders that were imported
    is read again, and ``tell`` hears of it."""
    index = Index.open(path)
    if index.healed:
        tell(index.healed)
    whole = {root for root, in index.read("SELECT root FROM imported")}
    for folder in _folders(path):
        if str(folder) not in whole:
            _finish(index, folder, tell)
    return index


def _finish(index: Index, folder: Path, tell: Callable[[str], None]) -> None:
    try:
        with _alone(index).acquire(timeout=0):
            imported = _import(index, folder, Limits())
        tell(f"{folder}: indexed again, {imported.added} files")
    except Timeout:
        tell(f"{folder}: another program is still indexing it; until then what it has indexed is known")
    except EdgeError as error:
        tell(str(error))


def import_folder(index: Index, folder: Path, limits: Limits | None = None) -> Imported:
    """Bring the index up to date with the folder; may be interrupted at any time, and goes on from there when called again.

    A file that cannot be read is named and skipped, and not read again until it changes.  EdgeError for a folder that cannot
    be listed or an index that cannot be written.
    """
    with _alone(index):
        return _import(index, folder, limits or Limits())


def _import(index: Index, folder: Path, limits: Limits) -> Imported:
    root, seen = str(folder.resolve()), list(walk(folder))
    _remember(index.path, root)
    done = Imported(skipped=[f"{one.path}: {one.problem}" for one in seen if one.problem])
    files = {one.path: one for one in seen if not one.problem}
    known = {path: (size, changed) for path, size, changed in index.read("SELECT path, size, changed FROM resources WHERE root = ?", root)}
    refused = {path: (size, changed, reason) for path, size, changed, reason in
               index.read("SELECT path, size, changed, reason FROM skipped WHERE root = ?", root)}
    waiting = []
    for path, one in files.items():
        if known.get(path) == (one.size, one.changed):
            done.unchanged += 1
        elif path in refused and refused[path][:2] == (one.size, one.changed):
            done.skipped.append(f"{path}: {refused[path][2]}")
        else:
            waiting.append(one)
    _read_all(index, Path(root), waiting, known.keys(), limits, done)
    done.removed = index.remove(root, known.keys() - files.keys())
    with index.writing() as database:
        database.executemany("DELETE FROM skipped WHERE root = ? AND path = ?", [(root, path) for path in refused.keys() - files.keys()])
        database.execute("INSERT OR IGNORE INTO imported VALUES (?)", (root,))
    return done


def _read_all(index: Index, root: Path, waiting: list[Seen], known: object, limits: Limits, done: Imported) -> None:
    """Read and commit, a batch at a time."""
    entries, refused, since = list[Entry](), list[tuple[Seen, str]](), time.monotonic()

    def commit() -> None:
        with index.writing() as database:
            index.put(entries)
            for one, _ in refused:
                index.remove(str(root), [one.path])
            database.executemany("DELETE FROM skipped WHERE root = ? AND path = ?", [(str(root), entry.path) for entry in entries])
            database.executemany("INSERT OR REPLACE INTO skipped VALUES (?,?,?,?,?)",
                                 [(str(root), one.path, one.size, one.changed, reason) for one, reason in refused])
        entries.clear()
        refused.clear()

    with Reader(limits) as reader, track("course files", len(waiting)) as bar:
        for one in waiting:
            try:
                entry, left_out = _entry(index, root, one, reader)
                entries.append(entry)
                done.changed += one.path in known
                done.added += one.path not in known
                if left_out:
                    done.left_out.append(f"{one.path}: {left_out}")
            except EdgeError as error:
                reason = str(error).removeprefix(f"{root / one.path}: ")
                refused.append((one, reason))
                done.skipped.append(f"{one.path}: {reason}")
            if len(entries) + len(refused) >= BATCH or time.monotonic() - since > SECONDS:
                commit()
                since = time.monotonic()
            bar.advance(note=one.path[-40:])
        commit()


def _entry(index: Index, root: Path, one: Seen, reader: Reader) -> tuple[Entry, str]:
    """What is to be indexed of a file, and what was left out of it.  One that is known under another path is not read again."""
    path = root / one.path
    try:
        digest = file_digest(path) if one.size <= DIGESTED else ""
    except OSError as error:
        raise EdgeError(f"{path}: expected to read the file, found {told(error)}; check it") from None
    contents = _known(index, digest) or reader.read(path)
    place = PurePosixPath(one.path)
    return Entry(str(root), one.path, course_of(place, root.name), chapter_of(place), place.stem, kind_of(place), contents.passages,
                 one.size, one.changed, digest), contents.left_out


def _known(index: Index, digest: str) -> Contents | None:
    rows = index.read("""SELECT text, place FROM passages WHERE resource = (SELECT min(id) FROM resources WHERE digest = ? AND digest != '')
                         ORDER BY id""", digest)
    return Contents(tuple(Passage(text, place) for text, place in rows if text)) if rows else None


def _alone(index: Index) -> FileLock:
    """For imports: two at once would read the same files."""
    return FileLock(index.path.with_name(f"{index.path.name}.import.lock"))


def _remember(index: Path, root: str) -> None:
    """Which folders are indexed, beside the index, for the day on which it is lost."""
    folders = [str(folder) for folder in _folders(index)]
    if root not in folders:
        write_atomically(_beside(index), json.dumps([*folders, root], ensure_ascii=False), durable=True)


def _folders(index: Path) -> list[Path]:
    """None where the list is missing or damaged: then the folder is imported by hand."""
    try:
        folders = json.loads(_beside(index).read_text(encoding="utf-8"))
        return [Path(folder) for folder in folders if isinstance(folder, str)] if isinstance(folders, list) else []
    except (OSError, ValueError):
        return []


def _beside(index: Path) -> Path:
    return index.with_name(f"{index.name}.folders.json")
