"""Read course files in a process of its own, so that none of them, however huge or hostile, stalls or ends this one."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

from pipeline.edge.assistant.library.documents import Passage
from pipeline.errors import EdgeError

ROOT = Path(__file__).resolve().parents[4]
LOOK = 0.2  # s between two looks at the memory of a reader that is silent


@dataclass(frozen=True)
class Limits:
    """For one file.  ``seconds``: of waiting and of processor time.  ``memory``: bytes of the process.  ``characters``: kept of it."""

    seconds: int = 60
    memory: int = 1 << 30
    characters: int = 2_000_000


@dataclass(frozen=True)
class Contents:
    """``left_out``: what of the file was not read, and why; empty where it was read whole."""

    passages: tuple[Passage, ...]
    left_out: str = ""


@dataclass
class Reader:
    """Reads one file after the other.  Use as a context manager: its process never outlives the block."""

    limits: Limits = field(default_factory=Limits)
    _process: subprocess.Popen[bytes] | None = None
    _buffer: bytes = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._end()

    def read(self, path: Path) -> Contents:
        """EdgeError where the file cannot be read at all; where a limit ended it, what was read until then."""
        process = self._started()
        assert process.stdin is not None
        process.stdin.write(json.dumps(str(path.resolve())).encode() + b"\n")
        process.stdin.flush()
        passages, deadline = list[Passage](), time.monotonic() + self.limits.seconds
        while True:
            line, stopped = self._line(process, deadline)
            message = {"stopped": stopped} if stopped else json.loads(line)
            if stopped := message.get("stopped"):
                self._end()
                if not passages:
                    raise EdgeError(f"{path}: expected a file that can be read, found that {stopped}; split it")
                return Contents(tuple(passages), f"what stands behind {passages[-1].place or 'its beginning'}: {stopped}")
            if "error" in message:
                raise EdgeError(message["error"])
            if "end" in message:
                return Contents(tuple(passages), message["end"])
            passages.append(Passage(message["text"], message["place"]))

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            limits = self.limits
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", f"{__package__}.reading_worker", str(limits.memory), str(limits.seconds),
                 str(limits.characters)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"})
        return self._process

    def _line(self, process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, str]:
        """The next line of the answer, or why there is none."""
        assert process.stdout is not None
        while b"\n" not in self._buffer:
            if time.monotonic() > deadline:
                return b"", f"it takes more than {self.limits.seconds} s"
            if select.select([process.stdout], [], [], LOOK)[0]:
                chunk = os.read(process.stdout.fileno(), 1 << 20)
                if not chunk:
                    return b"", f"reading it ended its process ({process.wait()})"
                self._buffer += chunk
            elif _resident(process.pid) > self.limits.memory:
                return b"", f"it takes more than {self.limits.memory >> 20} MB of memory"
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line, ""

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                with suppress(OSError):
                    stream.close()
        self._process, self._buffer = None, b""


def _resident(pid: int) -> int:
    with suppress(psutil.Error):
        return psutil.Process(pid).memory_info().rss
    return 0
