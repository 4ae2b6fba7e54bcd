"""`edge serve` as a process of its own, for as long as it is measured."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from pipeline.errors import EdgeError

COMMAND = "import sys; from pipeline.cli import main; sys.exit(main(sys.argv[1:]))"


@contextmanager
def serving(store: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Its base URL and its process; it serves the newest artifacts of the store and ends with the context."""
    argv = [sys.executable, "-c", COMMAND, "serve", "--port", "0", "--store", str(store)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise EdgeError("expected `edge serve` to start, found it ended; its own line says why")
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()
