"""What is read must be a file: a pipe would be waited for and a device such as /dev/zero read for ever."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import EdgeError


def check_regular_file(path: Path, what: str) -> None:
    """EdgeError unless ``path`` is a regular file, or a link to one; ``what`` says in the error which file is meant.

    OSError where the system does not let it be looked at.
    """
    if path.is_file():
        return
    found = "a directory" if path.is_dir() else "a pipe or a device" if path.exists() else "none"
    raise EdgeError(f"{path}: expected {what}, found {found}; check the path")
