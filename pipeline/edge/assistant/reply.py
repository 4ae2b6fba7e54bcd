"""What a handler says, and what it says it from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reply:
    """``text``: for the student.  ``facts``: the entries of index, record or cards that it was made from, as they stand there:
    every number and every file name in the text is in one of them.  ``found``: False where the handler has nothing to say.
    ``phrased``: whether a model chose the words.
    """

    text: str
    facts: tuple[str, ...] = ()
    found: bool = True
    phrased: bool = False
