"""One thing that happened, and its line in the journal."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, fields
from datetime import datetime

from pipeline.errors import EdgeError

SESSION, EXERCISE, WEAK, CHAPTER, UNDO = "session", "exercise", "weak", "chapter", "undo"
KINDS = (SESSION, EXERCISE, WEAK, CHAPTER, UNDO)
LONGEST_TEXT, LARGEST = 200, 10**6
_CHECK = b',"check":"'


@dataclass(frozen=True, slots=True)
class Entry:
    """``number``: from 1 on.  ``at``: ISO 8601 with its zone; its date there is the day it counts for.  What was not said is empty or 0.

    ``undoes``: of an undo, the number of the entry that it takes back.
    """

    number: int
    at: str
    kind: str
    course: str = ""
    chapter: int = 0
    topic: str = ""
    minutes: int = 0
    total: int = 0
    right: int = 0
    undoes: int = 0

    @property
    def day(self) -> str:
        return self.at[:10]

    def line(self) -> bytes:
        """A JSON object and a line feed; ``check``: crc32 of all before it."""
        said = {name: value for name in FIELDS if (value := getattr(self, name)) not in ("", 0)}
        body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()[:-1]
        return b'%s%s%08x"}\n' % (body, _CHECK, zlib.crc32(body))


FIELDS = tuple(field.name for field in fields(Entry))
_TYPES = {field.name: int if field.type == "int" else str for field in fields(Entry)}


def entry_of(line: bytes) -> Entry | None:
    """What `Entry.line` wrote; None for a line that is torn, changed or not ours."""
    body, found, check = line.strip().rpartition(_CHECK)
    if not found or check != b'%08x"}' % zlib.crc32(body):
        return None
    try:
        entry = Entry(**json.loads(body + b"}"))
        check_entry(entry)
    except (ValueError, TypeError, RecursionError, EdgeError):
        return None
    return entry


def check_entry(entry: Entry) -> None:
    """EdgeError for what no record may hold."""
    for name, kind in _TYPES.items():
        value = getattr(entry, name)
        fits = type(value) is kind and (0 <= value <= LARGEST or name in ("number", "undoes")) if kind is int else (
            type(value) is str and len(value) <= LONGEST_TEXT)
        if not fits:
            raise EdgeError(f"study record: expected {name} as {'a number up to ' + format(LARGEST, ',') if kind is int else 'text'}, "
                            f"found {value!r:.60}; correct it")
    if entry.kind not in KINDS or entry.number < 1 or entry.right > entry.total:
        raise EdgeError(f"study record: expected one of {', '.join(KINDS)}, numbered from 1, with no more right than done; "
                        f"found {entry!r:.200}; correct it")
    at = datetime.fromisoformat(entry.at)
    if at.tzinfo is None or at.isoformat() != entry.at:
        raise EdgeError(f"study record: expected an ISO 8601 time with its zone, found {entry.at!r}; correct it")
