"""A server of ours as a process of its own, for as long as it is measured."""

from __future__ import annotations

import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from pipeline.errors import EdgeError
from pipeline.measure.child import environment

START = 120.0  # s until a server says where it listens
END = 10.0  # s to finish what it is at


@contextmanager
def running(arguments: Sequence[str], threads: int = 1, variables: Mapping[str, str] = {}) -> Iterator[str]:
    """The URL that ``python ARGUMENTS`` prints first; the process is gone after the block.

    EdgeError with its last words when it ends or stays silent instead.
    """
    with tempfile.TemporaryFile() as said, subprocess.Popen(
        [sys.executable, "-P", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said,
        env={**environment(threads), **variables},
    ) as process:
        try:
            yield _first_line(process, said, arguments)
        finally:
            process.terminate()
            try:
                process.wait(END)
            except subprocess.TimeoutExpired:
                process.kill()


def _first_line(process: subprocess.Popen[bytes], said: tempfile._TemporaryFileWrapper, arguments: Sequence[str]) -> str:
    assert process.stdout is not None
    if select.select([process.stdout], [], [], START)[0] and (line := process.stdout.readline().decode().strip()):
        return line
    process.kill()
    process.wait()
    said.seek(0)
    words = said.read().decode(errors="replace").strip().splitlines()
    raise EdgeError(f"{' '.join(arguments[:3])}: expected the URL it listens at, found {words[-1][:300] if words else 'nothing'}")
