"""Words on lines that fit: Chinese has no spaces to break at, and a figure keeps its unit."""

from __future__ import annotations

import re
from collections.abc import Iterable

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

CM_PER_POINT = 2.54 / 72
# Up to a comma, or a bracket and what it holds.
PHRASE = re.compile(r".[^（，；）]*[，；）]?")
# A figure with its unit, a Latin word (a long one in parts), or one character, with the marks that hang on it.
PIECE = re.compile(r"[（“《]{0,2}(?:\d[!-~]{0,15}(?: ?(?:[%A-Za-z]{1,3}(?![!-~])|[万亿倍个]))?|[!-~]{1,16}|.)[，。、；：）”》]{0,2} *")


def width(text: str, size: float) -> float:
    """In cm, in the figures' font at ``size`` points."""
    return float(text_to_path.get_text_width_height_descent(text, FontProperties(size=size), False)[0]) * CM_PER_POINT


def wrap(text: str, room: float, size: float) -> str:
    """The whole text on lines of at most ``room`` cm, broken between phrases where that takes no line more."""
    text = " ".join(text.split())
    ways = [_fill(pieces.findall(text), room, size) for pieces in (PHRASE, PIECE)]
    return "\n".join(min(ways, key=lambda lines: (any(width(line, size) > room for line in lines), len(lines))))


def _fill(pieces: Iterable[str], room: float, size: float) -> list[str]:
    lines = [""]
    for piece in pieces:
        if lines[-1] and width((lines[-1] + piece).strip(), size) > room:
            lines.append("")
        lines[-1] += piece
    return [line.strip() for line in lines]
