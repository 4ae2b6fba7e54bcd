"""A line for each decision that was served, for `edge monitor`: when, how long, how sure, which label; never the query."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from threading import Lock

from pipeline.errors import EdgeError, told

LOG = logging.getLogger("uvicorn.error")
ROOM = 10_000_000  # bytes of a file; the one before it is kept as FILE.1, so twice that at most


class Decisions:
    """The file of one server, which appends to it.  A disk that refuses ends the log, not the service."""

    def __init__(self, file: Path, room: int = ROOM) -> None:
        self._file, self._room, self._lock, self._broken = file, room, Lock(), False
        try:
            self._handle = self._open()
        except OSError as error:
            raise EdgeError(f"--decisions: expected a file to append to, found {told(error)}; name another") from None

    def add(self, ms: float, confidence: float, label: str) -> None:
        """One decision that has just been answered."""
        line = json.dumps({"at": round(time.time(), 3), "ms": round(ms, 3), "confidence": round(confidence, 6), "label": label},
                          ensure_ascii=False)
        with self._lock:
            try:
                self._write(f"{line}\n".encode())
            except OSError as error:
                if not self._broken:
                    LOG.error("decisions are not logged any more: %s", told(error))
                self._broken = True

    def _write(self, line: bytes) -> None:
        if self._broken:
            return
        if os.fstat(self._handle).st_size + len(line) > self._room:
            os.close(self._handle)
            os.replace(self._file, self._file.with_name(f"{self._file.name}.1"))
            self._handle = self._open()
        os.write(self._handle, line)

    def _open(self) -> int:
        """Never through a link, and readable to its owner alone; EISDIR, ENXIO and their like for what is no file."""
        return os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
