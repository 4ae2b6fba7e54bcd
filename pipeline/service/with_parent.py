"""A process that ends with the one that started it: its stdin is a pipe from there, which closes however that one ends."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from typing import IO


def lines_until_the_end(stream: IO[str]) -> Iterator[str]:
    """Each line as it comes; when the stream ends, this process ends at once, whatever it is at."""
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in stream:
            lines.put(line)
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield lines.get()


def end_with_parent(stream: IO[str]) -> None:
    """The same for a process that is told nothing."""
    lines = lines_until_the_end(stream)
    threading.Thread(target=lambda: next(lines), daemon=True).start()
