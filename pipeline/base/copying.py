"""Tasks whose answer stands in the text: repeat it, repeat one line of two, put other words in, cut a piece out.

A large model copies what it has read; a small one that only ever sorted utterances does not, and no adapter teaches it that.
What the device is trained to do later, rewriting a question and choosing a tool, is not among these tasks.
"""

from __future__ import annotations

import random
from collections.abc import Callable

SPAN = 4
"""Longest piece in characters that is replaced or cut out."""

Say = Callable[[], str]


def copying(say: Say, rng: random.Random) -> tuple[str, str, str]:
    """(the task's name, the text, the answer) of one task, about utterances that ``say`` draws."""
    return rng.choice((_repeat, _line, _replace, _cut))(say, rng)


def _repeat(say: Say, rng: random.Random) -> tuple[str, str, str]:
    text = say()
    return "复述", text, text


def _line(say: Say, rng: random.Random) -> tuple[str, str, str]:
    lines = [say(), say()]
    place = rng.randrange(2)
    return ("复述上句", "复述下句")[place], "\n".join(lines), lines[place]


def _replace(say: Say, rng: random.Random) -> tuple[str, str, str]:
    text, new = say(), _piece(say(), rng)
    old = _piece(text, rng)
    return "替换", f"{text}\n{old}换成{new}", text.replace(old, new, 1)


def _cut(say: Say, rng: random.Random) -> tuple[str, str, str]:
    text = say()
    piece = _piece(text, rng)
    before, _, after = text.partition(piece)
    return "摘录", f"{text}\n去掉{before[-SPAN:]}和{after[:SPAN]}" if before and after else text, piece if before and after else text


def _piece(text: str, rng: random.Random) -> str:
    length = rng.randint(1, min(SPAN, len(text)))
    start = rng.randrange(len(text) - length + 1)
    return text[start:start + length]
