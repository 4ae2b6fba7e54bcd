"""Surface noise: what a speaker adds around a sentence and what typing and speech recognition do to it.

The label never changes: a noise adds words without meaning of their own, misspells one word or slips at one character.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.data.grammar import HELD_OUT_SPLITS, all_slots
from pipeline.yaml_file import read_yaml

_PUNCTUATION = re.compile(r"[，。？！、；：,.?!;:…]")
# A digit or operator lost or doubled changes what is asked, a Chinese numeral too.
_NOT_SLIPPED = frozenset("零一二三四五六七八九十百千万两半几多不没加减乘除+-*×=还和")


@dataclass(frozen=True)
class Table:
    rates: dict[str, dict[str, float]]
    wake: dict[str, tuple[str, ...]]
    polite: tuple[str, ...]
    rude: tuple[str, ...]
    filler: tuple[str, ...]
    ending: tuple[str, ...]
    typo: tuple[tuple[str, str], ...]

    def wake_words(self, split: str) -> tuple[str, ...]:
        return self.wake["shared"] + (self.wake["held_out"] if split in HELD_OUT_SPLITS else ())


@lru_cache(maxsize=1)
def table() -> Table:
    content: dict[str, Any] = read_yaml(Path(__file__).with_name("speech.yaml"))
    content["wake"] = {key: tuple(values) for key, values in content["wake"].items()}
    content["typo"] = tuple(tuple(pair) for pair in content["typo"])
    return Table(**{key: tuple(value) if isinstance(value, list) else value for key, value in content.items()})


def roughen(sentence: str, split: str, rng: random.Random) -> str:
    """The sentence as it may arrive: prefixed, softened, misheard; the split's rates decide how often."""
    noise, rates = table(), table().rates[split]

    def happens(name: str) -> bool:
        return rng.random() < rates[name]

    spoken = sentence
    if happens("typo"):
        spoken = misspell(spoken, rng)
    if happens("slip"):
        spoken = slip(spoken, rng)
    if happens("ending") and not _PUNCTUATION.match(spoken[-1]) and spoken[-1] not in "吗呢啊呀吧了":
        spoken += rng.choice(noise.ending)
    if happens("filler"):
        spoken = rng.choice(noise.filler) + spoken
    if happens("polite"):
        spoken = rng.choice(noise.polite) + spoken
    elif happens("rude"):
        spoken = rng.choice(noise.rude) + spoken
    if happens("wake"):
        spoken = rng.choice(noise.wake_words(split)) + spoken
    if happens("unpunctuated"):
        spoken = _PUNCTUATION.sub("", spoken)
    return " ".join(spoken.split()) or sentence


def misspell(sentence: str, rng: random.Random) -> str:
    """One homophone swapped, when the sentence holds one of the table."""
    found = [pair for pair in table().typo if pair[0] in sentence]
    if not found:
        return sentence
    right, wrong = rng.choice(found)
    return sentence.replace(right, wrong, 1)


def slip(sentence: str, rng: random.Random) -> str:
    """One character doubled or lost, or a pause written as a space; numerals and negations are left alone."""
    places = [i for i, character in enumerate(sentence)
              if "一" <= character <= "鿿" and character not in _NOT_SLIPPED]
    if len(places) < 5:
        return sentence
    at, kind = rng.choice(places), rng.choice(("double", "lose", "pause"))
    if kind == "double":
        return sentence[:at] + sentence[at] + sentence[at:]
    if kind == "pause":
        return sentence[:at] + " " + sentence[at:]
    return sentence[:at] + sentence[at + 1:]


@lru_cache(maxsize=1)
def _added() -> re.Pattern[str]:
    """What ``roughen`` puts before and after a sentence, as it reads without punctuation."""
    noise = table()
    before = {_squeeze(word) for words in (*noise.wake.values(), noise.polite, noise.rude, noise.filler) for word in words}
    after = {_squeeze(word) for word in noise.ending} - {""}
    start, end = ("|".join(map(re.escape, sorted(words, key=len, reverse=True))) for words in (before, after))
    return re.compile(f"^(?:{start})+|(?:{end})+$")


def _squeeze(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum() or character in "+-*×")


def normalise(query: str) -> str:
    """What is left to compare: lower case, no punctuation, no spaces, none of the words that ``roughen`` adds."""
    squeezed = _squeeze(query)
    return _added().sub("", squeezed) or squeezed


def held_out_in(query: str) -> list[str]:
    """The slot values and wake words in the query that only test and challenge may speak."""
    squeezed = _squeeze(query)
    return [value for value in _held_out_values() if value in squeezed]


@lru_cache(maxsize=1)
def _held_out_values() -> tuple[str, ...]:
    slots = {value for slot in all_slots().values() for group in slot.held_out for value in group}
    return tuple(sorted({_squeeze(value) for value in slots | set(table().wake["held_out"])}))
