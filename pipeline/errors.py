"""The one exception a user sees."""

from __future__ import annotations


class EdgeError(Exception):
    """One line: what was expected, what was found, what to do.  The command line prints it and exits with 2."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(str(message).split()))
