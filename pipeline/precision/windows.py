"""Windows over a text that is longer than what a model reads at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pipeline.errors import EdgeError


class Window(NamedTuple):
    """The tokens ``start`` to ``end`` (not included), of which those from ``fresh`` on were in no window before."""

    start: int
    end: int
    fresh: int


def windows(tokens: int, length: int, stride: int) -> Iterator[Window]:
    """Windows of ``length`` tokens, each ``stride`` further on; every token is fresh in exactly one of them.

    A fresh token has at least ``length`` - ``stride`` tokens before it in its window, or all that there are.  EdgeError unless
    2 <= length and 1 <= stride < length: at a stride of the whole length, a window's first token would have nothing before it.
    """
    if length < 2 or not 1 <= stride < length:
        raise EdgeError(f"expected a window of at least 2 tokens and a stride of at least 1 below it, found {length} and {stride}")
    fresh = 0
    while fresh < tokens:
        end = length if not fresh else fresh + stride
        end = min(end, tokens)
        yield Window(max(0, end - length), end, fresh)
        fresh = end
