"""A folder that cannot be written and a full disk told in one line, and files brought safely to disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.errors import EdgeError, told

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def one_line_when_not_writable(folder: Path) -> Iterator[None]:
    """Make the folder if need be; turn any OSError, of this or of what is done in it, into one EdgeError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise _not_writable(told(error)) from error


def check_writable(folder: Path) -> None:
    """EdgeError unless `folder` can be made, if need be, and written; the trial leaves nothing behind."""
    try:
        there = next(one for one in (folder, *folder.parents) if one.exists() or one.is_symlink())
        TemporaryDirectory(dir=there).cleanup()
    except OSError as error:
        raise _not_writable(f"{folder}: {error.strerror}") from error


def _not_writable(found: str) -> EdgeError:
    return EdgeError(f"expected a writable folder for the store, found {found}; name another folder (--store) or mend its permissions")


@contextmanager
def one_line_when_full(root: Path) -> Iterator[None]:
    """Turn any failure that a full disk caused, also one wrapped by a library, into one EdgeError."""
    try:
        yield
    except Exception as error:
        if not _is_full(error):
            raise
        raise EdgeError(
            f"expected room on the disk, found none left while working in {root} ({_innermost(error)}); "
            "free some space (edge artifacts prune) and run again"
        ) from error


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _is_full(error: BaseException) -> bool:
    return any(
        (isinstance(one, OSError) and one.errno in FULL) or os.strerror(errno.ENOSPC) in str(one)
        for one in _chain(error)
    )


def _innermost(error: BaseException) -> str:
    *_, last = _chain(error)
    return str(last)


def sync(path: Path) -> None:
    """fsync a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    for current, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync(Path(current, name))
        sync(Path(current))
