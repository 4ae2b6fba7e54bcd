"""A library of any size: the courses' own files, and those of other courses up to a number."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from pipeline.data.assistant.distractors import distractors
from pipeline.data.assistant.library import resources
from pipeline.data.assistant.resource import Resource


def shelf(size: int, seed: int) -> tuple[tuple[Resource, ...], Iterator[Resource]]:
    """The files that questions are about, as many of them as there is room for, and all ``size`` files, these first."""
    own = resources()[:size]
    return own, chain(own, distractors(size - len(own), seed))
