"""Which files of a folder are course files, and what of it is left alone."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.edge.assistant.library.documents import FORMATS
from pipeline.errors import EdgeError, told

_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What is no text, ends a line, moves the cursor of a terminal or turns the line around."""


@dataclass(frozen=True)
class Seen:
    """``path``: from the folder, with /.  ``changed``: ns since 1970.  ``problem``: why it cannot be read, or empty."""

    path: str
    size: int = 0
    changed: int = 0
    problem: str = ""


def walk(folder: Path) -> Iterator[Seen]:
    """Every file of a known format, by name; hidden ones left out.  Links are followed to files inside the folder only.

    EdgeError where the folder itself cannot be listed, or its name not be shown.
    """
    inside = folder.resolve()
    if (shown := _printable(str(inside))) != str(inside):
        raise EdgeError(f"{shown}: expected a folder whose name can be shown, found characters that cannot; rename it")
    try:
        waiting = [*_listed(inside)]
    except OSError as error:
        raise EdgeError(f"{folder}: expected a folder of course files, found {told(error)}; check the path") from None
    while waiting:
        entry = waiting.pop()
        path = Path(entry.path).relative_to(inside).as_posix()
        try:
            if entry.is_dir(follow_symlinks=False):
                waiting += _listed(Path(entry.path))
            elif Path(entry.name).suffix.lower() in FORMATS:
                yield _seen(entry, path, inside)
        except OSError as error:
            yield Seen(_printable(path), problem=_printable(told(error)))


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    """Last name first, for a stack."""
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not entry.name.startswith((".", "~$"))), key=lambda entry: entry.name, reverse=True)


def _seen(entry: os.DirEntry[str], path: str, inside: Path) -> Seen:
    if path != _printable(path):
        return Seen(_printable(path), problem="a name that is no text or cannot be shown; rename it")
    if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(inside):
        return Seen(path, problem="a link that leads out of the folder; copy the file here")
    found = entry.stat()
    if not stat.S_ISREG(found.st_mode):
        return Seen(path, problem="a directory, a pipe or a device")
    return Seen(path, found.st_size, found.st_mtime_ns)


def _printable(path: str) -> str:
    """With escapes for what cannot be shown as it is."""
    return _UNSHOWN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), path)
