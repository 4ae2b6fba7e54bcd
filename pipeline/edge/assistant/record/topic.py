"""The topic that a question names, in the words in which it does: what stands beside the words that speak of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

ANCHOR, BREAK = "#", "|"
_PIECES = re.compile(rf"([{ANCHOR}{BREAK}，。、；！？,.;!?~～\s]+)")
_MARKERS = re.compile(
    r"(?<![问命例主标课难])(?:的)?(?:练习题|练习册|习题|练习|题目|题|作业)(?=$|[#|，。,])|(?:这|那)(?:一)?(?:块|部分|节)儿?|专题|[:：]")
_EXERCISES = re.compile(r"(?<![问命例主标课难])(?:的)?题$")
LONGEST = 24  # characters of what somebody would call a topic


def topic_in(text: str, anchors: Iterable[str], before: Sequence[str], after: Sequence[str], certain: bool) -> str | None:
    """The longest piece beside an anchor, without what may stand ``before`` and ``after`` a topic; None where none is.

    ``text``: with a bar where something else was said, ``#`` where what belongs to a topic was.  ``certain``: there must be a topic, so
    a piece elsewhere will do.
    """
    words = sorted(anchors, key=len, reverse=True)
    text = re.sub("|".join(map(re.escape, words)), ANCHOR, text) if words else text
    parts = _PIECES.split(_MARKERS.sub(ANCHOR, text))
    pieces = [(_beside(parts, place), _stripped(parts[place], before, after)) for place in range(0, len(parts), 2)]
    pieces = [(beside, piece) for beside, piece in pieces if len(piece) > 1 or (piece.isalpha() and beside)]
    beside, piece = max(pieces, key=lambda found: (found[0], len(found[1])), default=(False, ""))
    return piece if piece and len(piece) <= LONGEST and (beside or certain) else None


def _beside(parts: list[str], place: int) -> bool:
    """Whether an anchor stands right before or behind, with no punctuation between."""
    before = parts[place - 1] if place else ""
    behind = parts[place + 1] if place + 1 < len(parts) else ""
    return before.endswith(ANCHOR) or behind.startswith(ANCHOR)


def _stripped(piece: str, before: Sequence[str], after: Sequence[str]) -> str:
    while True:
        shorter = _EXERCISES.sub("", piece.strip(" “”\"'《》()（）"))
        shorter = next((shorter.removeprefix(word) for word in before if shorter.startswith(word)), shorter)
        shorter = next((shorter.removesuffix(word) for word in after if shorter.endswith(word)), shorter)
        if shorter == piece:
            return piece
        piece = shorter
