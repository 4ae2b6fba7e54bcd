"""The one exception a user sees, and how an error of the system is told."""

from __future__ import annotations


class EdgeError(Exception):
    """One line: what was expected, what was found, what to do.  The command line prints it and exits with 2."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(str(message).split()))


def told(error: OSError) -> str:
    """Which file, and what the system says of it."""
    reason = error.strerror or str(error) or type(error).__name__
    return reason if error.filename is None else f"{error.filename}: {reason}"
