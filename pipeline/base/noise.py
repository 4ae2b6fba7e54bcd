"""How people really say it: wake words, fillers, politeness, tails, lost punctuation, slips of typing and hearing."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import yaml

ALIKE = ("在再", "的得地", "做作", "他她它", "那哪", "以已", "像象", "吗嘛", "吧把", "是事", "时实", "里理", "有又", "会回", "和合",
         "几机", "天田", "近进", "气汽", "座坐", "带戴", "到道", "要药", "什甚", "么吗", "问文", "话画", "想象", "为位", "因音")
TWINS = {char: [other for other in group if other != char] for group in ALIKE for char in group}


def _slip(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text))
    kind = rng.random()
    if kind < 0.4 and text[at] in TWINS:
        return text[:at] + rng.choice(TWINS[text[at]]) + text[at + 1:]
    if kind < 0.6:
        return text[:at] + text[at] + text[at:]
    if kind < 0.8 and len(text) > 4:
        return text[:at] + text[at + 1:]
    return text[:at] + text[at:at + 2][::-1] + text[at + 2:]


@cache
def _around() -> dict[str, list[str]]:
    content = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return {kind: words.split() for kind, words in content.items()}


def colloquial(text: str, rng: random.Random) -> str:
    """`text` as it may be typed or heard; about half of the time unchanged but for punctuation."""
    around = _around()
    if rng.random() < 0.5:
        text = text.replace("，", rng.choice(["", " "]))
    if rng.random() < 0.1:
        text = _slip(text, rng)
    if rng.random() < 0.12:
        text += rng.choice(around["tail"])
    for kind, share in (("polite", 0.06), ("filler", 0.06), ("rude", 0.015), ("wake", 0.08)):
        if rng.random() < share:
            text = rng.choice(around[kind]) + rng.choice(["", "，", " "]) + text
    if rng.random() < 0.35:
        text += rng.choice("？？。！～")
    return text
