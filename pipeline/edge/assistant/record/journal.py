"""The journal: every entry, a line each, on the disk before anything else knows of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from pipeline.edge.assistant.record.entry import Entry, entry_of

Tell = Callable[[str], None]
_LONGEST_LINE = 1 << 14


class Journal:
    """Whoever appends or rewrites holds the record's lock."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def size(self) -> int:
        """Bytes; 0 where there is none."""
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, entries: Iterable[Entry]) -> int:
        """The new size, once all lines are on the disk; after an OSError the old one."""
        size = self.size()
        try:
            with open(self.path, "ab") as file:
                file.writelines(entry.line() for entry in entries)
                file.flush()
                os.fsync(file.fileno())
                return file.tell()
        except OSError:
            with suppress(OSError):
                os.truncate(self.path, size)
            raise

    def read(self, start: int = 0, tell: Tell = lambda _: None) -> Iterator[Entry]:
        """The entries from byte ``start`` on; a line that is damaged is named to ``tell`` and left out."""
        if not self.path.exists():
            return
        with open(self.path, "rb") as file:
            file.seek(start)
            for count, line in enumerate(file, start=1):
                if (entry := entry_of(line)) is not None:
                    yield entry
                elif line.strip() and line.endswith(b"\n"):
                    where = f"line {count}" if not start else f"line {count} behind byte {start:,}"
                    tell(f"{self.path}: {where} is damaged and was left out")

    def holds(self, entry: Entry | None, end: int) -> bool:
        """Whether that entry's line ends at byte ``end``; None is the entry before the first."""
        if entry is None or end > self.size():
            return entry is None and not end
        line = entry.line()
        with open(self.path, "rb") as file:
            file.seek(max(0, end - len(line)))
            return file.read(len(line)) == line

    def rewrite(self, entries: Iterable[Entry]) -> int:
        """These and no others; the old file stays beside it as ``journal.damaged.jsonl``.  The new size."""
        new = Journal(self.path.with_suffix(".new"))
        new.path.unlink(missing_ok=True)
        size = new.append(entries)
        if self.path.exists():
            os.replace(self.path, self.path.with_suffix(".damaged.jsonl"))
        os.replace(new.path, self.path)
        return size

    def mend_end(self) -> None:
        """Cut a torn last line off, of which nobody was told that it is recorded; complete one that lacks its line feed."""
        if not (size := self.size()):
            return
        with open(self.path, "r+b") as file:
            start = file.seek(max(0, size - _LONGEST_LINE))
            tail = file.read()
            if tail.endswith(b"\n"):
                return
            last = tail[tail.rfind(b"\n") + 1:]
            if entry_of(last) is not None:
                file.write(b"\n")
            else:
                file.truncate(start + len(tail) - len(last))
