"""Questions for the functions: what their slots may hold, and what of a question is a slot's value."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pipeline.data.grammar import Slot, SlotValues, Text, all_grammars, all_slots, expand, parse, read_slots
from pipeline.data.sentence import Sentence, chosen
from pipeline.yaml_file import read_yaml

FOLDER = Path(__file__).parent


@cache
def slots() -> dict[str, SlotValues]:
    return read_slots(FOLDER / "slots.yaml")


@cache
def _slot_of() -> dict[str, str]:
    return dict(read_yaml(FOLDER / "tools.yaml")["slot_of"])


def kind_of(name: str) -> str:
    """The slot that an argument's values come from: most arguments are called as their slot."""
    return _slot_of().get(name, name)


def say(template: str, split: str, rng: random.Random) -> Sentence:
    """One sentence of the template, its slot values as the split may speak them."""
    parts = chosen(parse(template), rng)
    names = [part.name for part in parts if isinstance(part, Slot)]
    return Sentence(parts, draw(names, split, rng))


def draw(names: list[str], split: str, rng: random.Random, instead_of: Mapping[str, str] | None = None) -> dict[str, str]:
    """A value for each name; names of one slot get different ones of one group, and none a value that it has in ``instead_of``."""
    values: dict[str, str] = {}
    for name in names:
        kind = kind_of(name)
        groups = slots()[kind].groups(split)
        said = {value for other, value in {**(instead_of or {}), **values}.items() if kind_of(other) == kind}
        near = [group for group in groups if said & set(group)] or [rng.choices(groups, weights=[len(group) for group in groups])[0]]
        values[name] = rng.choice([value for value in near[0] if value not in said])
    return values


def heard(text: str, split: str) -> Sentence:
    """A text with the last value of a slot in it, of two characters or more, as its slot.

    Without slots where there is none, or where another of its group is said too, so that only both together could change.
    """
    found = next(reversed([*_values(split).finditer(text)]), None)
    if not found or not found.lastgroup:
        return Sentence((Text(text),), {})
    before, after = text[:found.start()], text[found.end():]
    group = next(group for group in slots()[found.lastgroup].groups(split) if found[0] in group)
    if any(value in before or value in after for value in group):
        return Sentence((Text(text),), {})
    return Sentence((Text(before), Slot(found.lastgroup), Text(after)), {found.lastgroup: found[0]})


def piece(rng: random.Random) -> str:
    """One to four characters in a row from a training sentence of the intents, none of them of a slot's value."""
    grammar = rng.choice([grammar for grammar in all_grammars() if grammar.split == "train"])
    texts = re.findall(r"[\u4e00-\u9fff]+", _values("test").sub("，", expand(grammar.nodes, all_slots(), "train", rng)))
    text = rng.choice(texts or ["嗯"])
    start = rng.randrange(len(text))
    return text[start:start + rng.randint(1, 4)]


@cache
def _values(split: str) -> re.Pattern[str]:
    """Every value that the split may speak, the longest of a slot first; a group is a slot's name."""
    by_slot = {name: [value for group in slot.groups(split) for value in group if len(value) > 1] for name, slot in slots().items()}
    return re.compile("|".join(f"(?P<{name}>{'|'.join(map(re.escape, sorted(values, key=len, reverse=True)))})"
                               for name, values in by_slot.items() if values))
