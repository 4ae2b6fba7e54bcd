"""Make room: the least recently used goes first, nothing that a process builds or uses goes at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import EdgeError
from pipeline.store.locks import unused
from pipeline.store.manifest import KEY
from pipeline.store.place import inside

if TYPE_CHECKING:
    from pipeline.store.objects import Store


@dataclass(frozen=True)
class _Entry:
    key: str
    path: Path
    last_used: float  # seconds since the epoch
    size: int  # bytes


def prune(store: Store, max_bytes: int) -> list[str]:
    """Remove artifacts and abandoned scratch until at most `max_bytes` remain or all that is left is in use.

    Returns the names removed, in order: a key, or "scratch/KEY" for checkpoints of an unfinished build.
    """
    if max_bytes < 0:
        raise EdgeError(f"expected a size of 0 bytes or more to prune to, found {max_bytes}")
    store.sweep()
    entries = sorted(_entries(store), key=lambda entry: (entry.last_used, entry.key))
    total, removed = sum(entry.size for entry in entries), []
    for entry in entries:
        if total <= max_bytes:
            break
        with unused(store.locks, entry.key) as free:
            if not free or not entry.path.exists():
                continue
            if entry.path.parent == store.objects:
                store.discard(entry.key)
                removed.append(entry.key)
            else:
                shutil.rmtree(entry.path)
                removed.append(f"scratch/{entry.key}")
            total -= entry.size
    return removed


def _entries(store: Store) -> Iterator[_Entry]:
    for folder in (store.objects, store.scratch):
        for path in inside(folder):
            if not KEY.fullmatch(path.name):
                continue
            try:
                changed = path.stat().st_mtime
            except FileNotFoundError:  # another process finished its build or removed the artifact
                continue
            used = store.uses.last(path.name, changed) if folder == store.objects else changed
            yield _Entry(path.name, path, used, _bytes(path))


def _bytes(folder: Path) -> int:
    """Bytes of all files below, without those that a running build removes meanwhile."""
    total = 0
    for current, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(current, name)).st_size
    return total
