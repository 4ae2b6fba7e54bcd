"""Who did what when: an entry an action, each a file that can be made once and never again, chained by their hashes.

Entries lie beside the models at any fsspec URL as NAME/00000001.json and so on.  An entry's number is taken by whoever makes the file
first, so two processes, on one machine or two, never write the same one: this is what decides between them, without a lock.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.digest import canonical, sha256_text
from pipeline.errors import EdgeError

ENTRY = re.compile(r"(\d{8})\.json", re.ASCII)
START = "0" * 64  # what the first entry follows
WHO = re.compile(r"[^\x00-\x1f\x7f]{1,100}")


class TakenError(Exception):
    """Another process made the entry of that number first."""


@dataclass(frozen=True)
class Event:
    """One action.  at: UTC, ISO 8601.  previous: the hash of the entry before; details: what else there is to say, as JSON."""

    number: int
    at: str
    by: str
    action: str
    name: str
    version: int
    alias: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    previous: str = START

    @property
    def hash(self) -> str:
        return sha256_text(canonical(self.__dict__))

    def line(self) -> bytes:
        """The one form of the entry in its file."""
        return (canonical({**self.__dict__, "hash": self.hash}) + "\n").encode()


def event(by: str, action: str, name: str, version: int, alias: str = "", **details: Any) -> Event:
    """An event of now, not yet in an audit; EdgeError where nobody is named."""
    if not WHO.fullmatch(by):
        raise EdgeError(f"expected who does it in at most 100 characters, found {by[:100]!r}; name somebody (--by)")
    return Event(0, datetime.now(UTC).isoformat(timespec="seconds"), by, action, name, version, alias, details)


class Audit:
    """The entries of one model."""

    def __init__(self, url: str, name: str) -> None:
        from fsspec.core import url_to_fs
        self._fs, base = url_to_fs(f"{url.rstrip('/')}/audit")
        self._folder, self.name, self.url = f"{base}/{name}", name, url

    def read(self) -> list[Event]:
        """Every entry in order; EdgeError where one was edited, removed or moved."""
        events, faults = self._read()
        if faults:
            raise EdgeError(f"the audit of {self.name} at {self.url} cannot be trusted: {faults[0]}; edge registry audit {self.name} "
                            "--verify tells all, and a copy of the entry mends it")
        return events

    def faults(self) -> list[str]:
        """What was edited, removed or moved, a phrase each; entries cut off at the end are not seen from here."""
        return self._read()[1]

    def append(self, event: Event, after: list[Event]) -> Event:
        """Make the entry that follows ``after``; TakenError when another process was first."""
        entry = replace(event, number=len(after) + 1, previous=after[-1].hash if after else START)
        path = f"{self._folder}/{entry.number:08d}.json"
        try:
            self._create(path, entry.line())
        except FileExistsError:
            raise TakenError from None
        return entry

    def _create(self, path: str, data: bytes) -> None:
        self._fs.makedirs(self._folder, exist_ok=True)
        if "file" not in self._fs.protocol:
            self._fs.pipe_file(path, data, mode="create")
            return
        part = Path(f"{path}.{secrets.token_hex(6)}.part")
        try:
            with open(part, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.link(part, path)  # whole at once, and only where there is none
        finally:
            part.unlink(missing_ok=True)

    def _read(self) -> tuple[list[Event], list[str]]:
        found = self._entries()
        events, faults, previous = [], [], START
        for number in range(1, max(found, default=0) + 1):
            entry = _parse(found[number]) if number in found else None
            if number not in found:
                faults.append(f"entry {number} was removed")
            elif entry is None:
                faults.append(f"entry {number} was edited")
            elif entry.number != number:
                faults.append(f"entry {entry.number} stands in the place of entry {number}")
            elif entry.name != self.name or entry.previous != previous:
                faults.append(f"entry {number} does not follow the one before it")
            else:
                events.append(entry)
            previous = entry.hash if entry else ""
        return events, faults

    def _entries(self) -> dict[int, bytes]:
        try:
            listed = self._fs.ls(self._folder, detail=False, refresh=True)
        except FileNotFoundError:
            return {}
        paths = [path for path in listed if ENTRY.fullmatch(path.rpartition("/")[2])]
        return {int(path.rpartition("/")[2][:8]): data for path, data in self._fs.cat(paths).items()} if paths else {}


def _parse(data: bytes) -> Event | None:
    """The entry in a file; None where it is not byte for byte what was written."""
    try:
        content = json.loads(data)
        content.pop("hash")
        entry = Event(**content)
        return entry if entry.line() == data else None
    except (ValueError, TypeError, KeyError, AttributeError, EdgeError, RecursionError):
        return None
