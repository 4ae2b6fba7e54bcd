"""What stands in a text in the place of what was understood of it: characters of the private use area, as no text is."""

from __future__ import annotations

import re

ANCHOR, BREAK = "\ue000", "\ue001"  # for a count of exercises; for a duration
COURSE, CHAPTER, PERIOD, TOPIC = "\ue002", "\ue003", "\ue004", "\ue005"
MARKS = {"count": ANCHOR, "duration": BREAK, "course": COURSE, "chapter": CHAPTER, "period": PERIOD, "topic": TOPIC}
"""By the name that the examples give it."""
_ANY = re.compile("[\ue000-\ue00f]")


def without_marks(text: str) -> str:
    """A text as it may come from outside, which has none."""
    return _ANY.sub("", text)
