"""A worker's runners: one process a job that runs, kept for the next one where that costs nothing."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.errors import EdgeError


class EndedError(EdgeError):
    """The process ended before its job did."""


class Runner:
    """One process in a group of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", "pipeline.service.runner"], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True)
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.again = False

    def ask(self, job: dict[str, Any]) -> None:
        self.again = False
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # `answer` says how it ended

    def answer(self, seconds: float) -> dict[str, Any] | None:
        """What it says next, None where it says nothing for so long; EndedError where it is gone."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            return None
        if line is None:
            raise EndedError(f"expected the process that builds to live, found it ended by {self._how()}; give it more memory, or it less")
        event: dict[str, Any] = json.loads(line)
        self.again = event.get("again", False)
        return event

    def end(self) -> None:
        """The process and all that it started, at once."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # gone; macOS answers EPERM for a zombie
            pass
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _how(self) -> str:
        code = self._process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


class Runners:
    """Those that live."""

    def __init__(self) -> None:
        self._idle: list[Runner] = []
        self._all: set[Runner] = set()
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[Runner]:
        """A runner for one job; it ends with it unless it said that it takes another."""
        with self._lock:
            runner = self._idle.pop() if self._idle else Runner()
            self._all.add(runner)
        try:
            yield runner
        finally:
            with self._lock:
                if runner.again:
                    self._idle.append(runner)
                else:
                    self._all.discard(runner)
                    runner.end()

    def end(self) -> None:
        for runner in list(self._all):
            runner.end()
