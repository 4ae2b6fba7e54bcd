"""Ending an answer at a text that must not be in it, though it may come in several tokens."""

from __future__ import annotations

from collections.abc import Sequence


class Stops:
    """The text of one answer on its way to the client; what may be the beginning of a stop text is held back."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops, self._held = stops, ""
        self.reached = False

    def pass_on(self, text: str) -> str:
        """What can be said of the text so far; after ``reached`` nothing more comes."""
        held = self._held + text
        found = [place for stop in self._stops if (place := held.find(stop)) >= 0]
        if found:
            self.reached, self._held = True, ""
            return held[: min(found)]
        keep = max((_overlap(held, stop) for stop in self._stops), default=0)
        self._held = held[len(held) - keep :]
        return held[: len(held) - keep]

    def rest(self) -> str:
        """What was held back, once the answer has ended."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """The length of the longest end of the text that the stop begins with."""
    return next((size for size in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:size])), 0)
