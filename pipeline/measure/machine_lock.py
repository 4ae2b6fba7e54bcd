"""One readers-writer lock for the whole machine: tests share it, a meter of time or memory has it alone.

Two kernel locks (`flock`), so whatever ends a process frees what it held.  Everybody enters through the *turnstile*: who
shares passes it briefly, who wants to be alone keeps it while waiting and measuring, so those who come and go cannot
starve it.  The *room* is what is shared or held alone.

No deadlock: who waits for the turnstile or the room holds neither, for being alone begins with letting the own share go;
who waits for the room has the turnstile, and those in the room want nothing more of this lock before they leave.  The
store's locks come after this one: they are taken within a share and let go within it, and nothing is built while alone.
"""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pipeline.errors import EdgeError, told

FOLDER_VARIABLE = "EDGE_MEASURE_LOCK"
TEMPORARY = Path("/tmp")  # not $TMPDIR, which may differ between two sessions that must meet here

Tell = Callable[[str], None]


def lock_folder() -> Path:
    """Where this user's lock lies, made if need be; EdgeError for one that somebody else could hold or exchange."""
    named = os.environ.get(FOLDER_VARIABLE)
    folder = Path(named) if named else TEMPORARY / f"edge-measure-{os.getuid()}"
    advice = f"remove it or set ${FOLDER_VARIABLE} to a folder of your own"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise EdgeError(f"the lock of the meters: expected a folder at {folder}, found {told(error)}; {advice}") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise EdgeError(f"the lock of the meters: expected a folder at {folder} that only you can write to, found a link or one of "
                        f"user {found.st_uid}, mode {stat.S_IMODE(found.st_mode):o}; {advice}")
    return folder


def on_a_terminal(message: str) -> None:
    if sys.stderr.isatty():
        print(message, file=sys.stderr, flush=True)


class MachineLock:
    """This process's part in the lock: one object a process, for whatever a process holds all of it holds."""

    def __init__(self) -> None:
        self._held: Literal["", "shared", "alone"] = ""
        self._room = -1
        self._tell: Tell = on_a_terminal
        self._told = False

    @contextmanager
    def shared(self, tell: Tell = on_a_terminal) -> Iterator[None]:
        """No other process measures during the block.  ``tell`` hears once a process that there is a wait."""
        if self._held:
            yield
            return
        with _opened("room") as self._room, self._telling(tell):
            with _opened("turnstile") as turnstile:
                self._take(turnstile, fcntl.LOCK_EX)
                self._take(self._room, fcntl.LOCK_SH)
            self._held = "shared"
            try:
                yield
            finally:
                self._held = ""

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other process measures or shares during the block; this process's own share rests meanwhile."""
        if self._held == "alone":
            yield
            return
        with self.shared(), _opened("turnstile") as turnstile:
            fcntl.flock(self._room, fcntl.LOCK_UN)
            self._take(turnstile, fcntl.LOCK_EX)
            self._take(self._room, fcntl.LOCK_EX)
            self._held = "alone"
            try:
                yield
            finally:
                fcntl.flock(self._room, fcntl.LOCK_SH)  # at once: the turnstile keeps everybody else out of the room
                self._held = "shared"

    @contextmanager
    def _telling(self, tell: Tell) -> Iterator[None]:
        self._tell, before = tell, self._tell
        try:
            yield
        finally:
            self._tell = before

    def _take(self, descriptor: int, how: int) -> None:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if not self._told:
                self._told = True
                self._tell("waiting for another process that measures or tests on this machine")
            fcntl.flock(descriptor, how)


@contextmanager
def _opened(name: str) -> Iterator[int]:
    """The lock file of that name; closing it frees the lock."""
    file = lock_folder() / name
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise EdgeError(f"the lock of the meters: expected to open a file, found {told(error)}; check the folder") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


THIS_MACHINE = MachineLock()
