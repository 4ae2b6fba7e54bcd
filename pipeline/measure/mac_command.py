"""A short question to one of the programs that macOS brings."""

from __future__ import annotations

import subprocess

SECONDS = 5.0


def output_of(program: str, *arguments: str) -> str:
    """What the program, by its full path, prints within `SECONDS`; "" where there is none or it does not answer.

    Its exit code does not count: sysctl answers what it knows and complains of the rest.
    """
    try:
        run = subprocess.run([program, *arguments], capture_output=True, stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return run.stdout.decode("utf-8", errors="replace")
