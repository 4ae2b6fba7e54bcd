"""Which worker processes of this host live: each holds a lock on a file with its name, and the kernel lets go of it however it ends."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import uuid
from collections.abc import Callable
from pathlib import Path

SUFFIX = ".worker"


class Executors:
    """Of one database, in a folder of this host.

    Two processes with one name would both take up what a third left; so each start has a name of its own, and what a dead one left is
    taken up by whoever finds its file without a lock.
    """

    def __init__(self, state: Path, database: str) -> None:
        self._folder = state / "workers" / hashlib.sha256(database.encode()).hexdigest()[:12]
        self._held: list[int] = []

    def enter(self) -> str:
        """A new name, held until this process ends."""
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{re.sub('[^A-Za-z0-9.-]', '-', platform.node()) or 'host'}-{uuid.uuid4().hex[:12]}"
        begun = self._folder / f".{name}"
        handle = os.open(begun, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        self._held.append(handle)
        begun.rename(self._folder / f"{name}{SUFFIX}")  # locked before anybody can find it
        return name

    def living(self) -> int:
        return sum(not self._free(file) for file in self._files())

    def take_up(self, recover: Callable[[str], None]) -> None:
        """Call ``recover`` with the name of each that has died, and forget it."""
        for file in self._files():
            if self._free(file):
                recover(file.name.removesuffix(SUFFIX))
                file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{SUFFIX}"))

    def _free(self, file: Path) -> bool:
        try:
            handle = os.open(file, os.O_RDWR)
        except FileNotFoundError:  # another has just taken it up
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False
        finally:
            os.close(handle)
