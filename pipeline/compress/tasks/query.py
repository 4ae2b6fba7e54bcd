"""A text that a model is asked."""

from __future__ import annotations

from typing import NamedTuple

UNLABELLED = -1


class Query(NamedTuple):
    """A text and the number of its label, or UNLABELLED."""

    text: str
    label: int
