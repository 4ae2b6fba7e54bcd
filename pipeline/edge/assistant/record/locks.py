"""Two kernel locks a record, freed by whatever ends a process: who writes has the *pen*; who has it open is *in the room*."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Locks:
    """One process's part in them; its threads take turns by a lock of their own."""

    def __init__(self, folder: Path) -> None:
        self._pen, self._room = (os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644) for name in (".pen", ".room"))
        self._depth = 0

    @contextmanager
    def pen(self) -> Iterator[None]:
        """Nobody else writes, opens or closes meanwhile.  May be taken again by who has it."""
        if not self._depth:
            fcntl.flock(self._pen, fcntl.LOCK_EX)
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                fcntl.flock(self._pen, fcntl.LOCK_UN)

    def alone(self) -> bool:
        """Whether nobody else has the record open.  Asked with the pen in hand, before `enter` or to leave."""
        try:
            fcntl.flock(self._room, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def enter(self) -> None:
        """Into the room, until `leave` or the process' end."""
        fcntl.flock(self._room, fcntl.LOCK_SH)

    def leave(self) -> None:
        os.close(self._pen)
        os.close(self._room)
