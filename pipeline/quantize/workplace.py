"""A folder OUT.part to work in: what is finished in it becomes OUT in one rename, what is not is cleared away or kept to go on."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pipeline.atomic import write_atomically
from pipeline.errors import EdgeError
from pipeline.store.failures import sync, sync_tree

KEY = "key"


class Workplace:
    """Of one output, for one process at a time.  ``home`` is OUT.part."""

    def __init__(self, output: Path, resume: bool, tell: Callable[[str], None]) -> None:
        self.output, self.home = output, output.with_name(f"{output.name}.part")
        self._resume, self._tell, self._begun = resume, tell, False

    def begin(self, key: str) -> tuple[Path, Path]:
        """(an empty folder for the result, the scratch), the scratch as an earlier run of the same ``key`` left it if one resumes."""
        scratch, out = self.home / "scratch", self.home / "out"
        if (left := self._left()) is not None:
            self._say(left, key)
        if left != key or not self._resume:
            self.empty()
        shutil.rmtree(out, ignore_errors=True)
        scratch.mkdir(parents=True, exist_ok=True)
        write_atomically(self.home / KEY, key, durable=True)
        out.mkdir()
        self._begun = True
        return out, scratch

    def finish(self, result: Path) -> None:
        """``result``, a folder or file inside, becomes the output; EdgeError if something has come there meanwhile."""
        sync_tree(result) if result.is_dir() else sync(result)
        check_absent(self.output)
        os.rename(result, self.output)

    def empty(self) -> None:
        for entry in list(self.home.iterdir()):
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()

    def _left(self) -> str | None:
        try:
            return (self.home / KEY).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def _say(self, left: str, key: str) -> None:
        if self._begun:  # by this process, with the backend that was not able
            return
        if left != key:
            self._tell(f"{self.home}: left by a run of another model, settings or version; made anew")
        elif self._resume:
            self._tell(f"{self.home}: goes on where an earlier run ended")
        else:
            self._tell(f"{self.home}: left by an earlier run; made anew (--resume would go on)")


@contextmanager
def workplace(output: Path, resume: bool, tell: Callable[[str], None]) -> Iterator[Workplace]:
    """The workplace of an output that is not there yet; gone afterwards.  With ``resume`` it is kept when the work ends early.

    EdgeError when there is something at the output, and while another process works on it.
    """
    check_absent(output)
    place = Workplace(output, resume, tell)
    place.home.mkdir(parents=True, exist_ok=True)
    lock = os.open(place.home, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EdgeError(f"{place.home}: expected to work there alone, found another process at it; wait for it") from None
        try:
            yield place
        except BaseException:
            if not resume:
                shutil.rmtree(place.home, ignore_errors=True)
            raise
        shutil.rmtree(place.home, ignore_errors=True)
    finally:
        os.close(lock)


def check_absent(output: Path) -> None:
    """EdgeError when there is something already."""
    if output.exists() or output.is_symlink():
        found = "a folder" if output.is_dir() else "a file"
        raise EdgeError(f"{output}: expected nothing there yet, found {found}; remove it or name another")


@contextmanager
def interruptible(limit: float | None) -> Iterator[None]:
    """SIGTERM ends what is done inside like Ctrl-C, and so does the limit in seconds, as an EdgeError: cleaning up is done either way.

    In a thread other than the main one, where Python takes no signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def too_long(number: int, frame: FrameType | None) -> None:
        raise EdgeError(f"expected the quantisation within {limit:g} s, found it unfinished; raise --time-limit, or take a quicker method")

    before = signal.signal(signal.SIGTERM, end), signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, limit or 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGALRM, before[1])
