"""Two kernel locks a key: one for who builds or removes it, a shared one for who uses it; both end with the process."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.store.failures import one_line_when_not_writable


@contextmanager
def building(locks: Path, key: str, kind: str) -> Iterator[None]:
    """Hold the build lock of `key`, waiting as long as another process has it; a terminal is told once."""
    lock = FileLock(locks / f"{key}.lock")
    if not _acquire(lock, locks, timeout=0):
        if sys.stderr.isatty():
            print(f"waiting for another process that works on {kind} {key[:12]}", file=sys.stderr, flush=True)
        _acquire(lock, locks)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def try_building(locks: Path, key: str) -> Iterator[bool]:
    """The build lock if it is free at once; yields whether it is held."""
    lock = FileLock(locks / f"{key}.lock")
    if not _acquire(lock, locks, timeout=0):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _acquire(lock: FileLock, locks: Path, timeout: float = -1) -> bool:
    """Whether the lock was got within `timeout` seconds; a negative one waits as long as it takes."""
    with one_line_when_not_writable(locks):
        try:
            lock.acquire(timeout=timeout, poll_interval=0.2)
        except Timeout:  # an OSError too, so it is caught here
            return False
    return True


def _open_use_file(locks: Path, key: str) -> int:
    with one_line_when_not_writable(locks):
        return os.open(locks / f"{key}.use", os.O_RDWR | os.O_CREAT, 0o644)


class Uses:
    """The artifacts this store object uses: a shared lock each until `close` or the end of the process."""

    def __init__(self, locks: Path) -> None:
        self._locks = locks
        self._held: dict[str, int] = {}

    def hold(self, key: str) -> None:
        """Mark `key` as used now and keep others from removing it."""
        if key not in self._held:
            descriptor = _open_use_file(self._locks, key)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            self._held[key] = descriptor
        os.utime(self._held[key])

    def drop(self, key: str) -> None:
        descriptor = self._held.pop(key, None)
        if descriptor is not None:
            os.close(descriptor)

    def close(self) -> None:
        for key in list(self._held):
            self.drop(key)

    def last(self, key: str, otherwise: float) -> float:
        """When any process last used `key`, in seconds since the epoch; `otherwise` where that is not known."""
        try:
            return (self._locks / f"{key}.use").stat().st_mtime
        except FileNotFoundError:
            return otherwise


@contextmanager
def unused(locks: Path, key: str) -> Iterator[bool]:
    """Yields True while nobody builds or uses `key` (and keeps it so), False when somebody does."""
    with try_building(locks, key) as free:
        if not free:
            yield False
            return
        descriptor = _open_use_file(locks, key)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
        finally:
            os.close(descriptor)
