"""Templates and what they expand to.

``{slot}`` draws a value, ``(a|b|c)`` one of the alternatives, ``[x]`` x or nothing; they nest.  Two uses of one slot
in an expansion draw different values of the same group.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.data.intents import INTENTS
from pipeline.errors import EdgeError
from pipeline.yaml_file import read_yaml

FOLDER = Path(__file__).with_name("grammars")
SPLITS = ("train", "validation", "test", "challenge")
HELD_OUT_SPLITS = frozenset({"test", "challenge"})
_TOKEN = re.compile(r"\{[^{}]*\}|[()\[\]|]|[^{}()\[\]|]+|[{}]")


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Slot:
    name: str


@dataclass(frozen=True)
class Choice:
    options: tuple[tuple[Node, ...], ...]


Node = Text | Slot | Choice
Groups = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class SlotValues:
    """Values by group, kept apart by where they may be spoken."""

    shared: Groups
    held_out: Groups

    def groups(self, split: str) -> Groups:
        return self.shared + self.held_out if split in HELD_OUT_SPLITS else self.shared


@dataclass(frozen=True)
class Grammar:
    """One template.  ``id`` is its provenance, such as ``weather_query/train/12``."""

    id: str
    intent: str
    split: str
    template: str
    nodes: tuple[Node, ...]


def parse(template: str, where: str = "template") -> tuple[Node, ...]:
    """The template's syntax tree; EdgeError begins with ``where`` when a bracket or a slot is malformed."""
    tokens = _TOKEN.findall(template)
    nodes, rest = _sequence(tokens, 0, where, template)
    if rest != len(tokens):
        raise EdgeError(f"{where}: expected no unmatched {tokens[rest]!r} in {template!r}; close or remove the bracket")
    return nodes


def _sequence(tokens: list[str], at: int, where: str, template: str) -> tuple[tuple[Node, ...], int]:
    nodes: list[Node] = []
    while at < len(tokens) and tokens[at] not in ")]|":
        token = tokens[at]
        if token in "([":
            choice, at = _choice(tokens, at, where, template)
            nodes.append(choice)
            continue
        if token in "{}" or (token[0] == "{" and not token[1:-1].isidentifier()):
            raise EdgeError(f"{where}: expected a slot such as {{city}}, found {token!r} in {template!r}; name it")
        nodes.append(Slot(token[1:-1]) if token[0] == "{" else Text(token))
        at += 1
    return tuple(nodes), at


def _choice(tokens: list[str], at: int, where: str, template: str) -> tuple[Choice, int]:
    opening, closing = tokens[at], ")" if tokens[at] == "(" else "]"
    options: list[tuple[Node, ...]] = [()] if opening == "[" else []
    while True:
        option, at = _sequence(tokens, at + 1, where, template)
        options.append(option)
        if at == len(tokens) or tokens[at] not in ("|", closing):
            raise EdgeError(f"{where}: expected {closing!r} after {opening!r} in {template!r}; close the bracket")
        if tokens[at] == closing:
            return Choice(tuple(options)), at + 1


def expand(nodes: tuple[Node, ...], slots: Mapping[str, SlotValues], split: str, rng: random.Random) -> str:
    """One sentence of the grammar, drawn by ``rng``; slot values as the split may speak them."""
    drawn: dict[str, tuple[tuple[str, ...], list[str]]] = {}
    return "".join(_spoken(node, slots, split, rng, drawn) for node in nodes)


def _spoken(node: Node, slots: Mapping[str, SlotValues], split: str, rng: random.Random,
            drawn: dict[str, tuple[tuple[str, ...], list[str]]]) -> str:
    if isinstance(node, Text):
        return node.text
    if isinstance(node, Choice):
        return "".join(_spoken(part, slots, split, rng, drawn) for part in rng.choice(node.options))
    if node.name not in drawn:
        drawn[node.name] = (_draw_group(slots[node.name].groups(split), rng), [])
    group, used = drawn[node.name]
    value = rng.choice([value for value in group if value not in used] or group)
    used.append(value)
    return value


def _draw_group(groups: Groups, rng: random.Random) -> tuple[str, ...]:
    return rng.choices(groups, weights=[len(group) for group in groups])[0]


def slot_names(nodes: tuple[Node, ...]) -> set[str]:
    """Names of the slots used anywhere in the template."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, Slot):
            names.add(node.name)
        elif isinstance(node, Choice):
            names |= set().union(*(slot_names(option) for option in node.options))
    return names


def read_slots(path: Path) -> dict[str, SlotValues]:
    """The slots of a YAML file; EdgeError names file and slot when one is malformed."""
    return {name: _slot_values(entry, f"{path}: {name}") for name, entry in read_yaml(path).items()}


def _slot_values(entry: Any, where: str) -> SlotValues:
    if not isinstance(entry, dict) or set(entry) != {"shared", "held_out"}:
        raise EdgeError(f"{where}: expected the keys shared and held_out, found {str(entry)[:80]}; correct the slot")
    values = SlotValues(*(_groups(entry[key], f"{where}.{key}") for key in ("shared", "held_out")))
    if not values.shared:
        raise EdgeError(f"{where}: expected at least one shared value, found none; add one")
    return values


def _groups(entry: Any, where: str) -> Groups:
    if not isinstance(entry, list):
        raise EdgeError(f"{where}: expected a list, found {str(entry)[:80]}; write [value, value]")
    nested = bool(entry) and all(isinstance(item, list) for item in entry)
    groups = entry if nested else [entry] if entry else []
    for group in groups:
        for value in group:
            if not isinstance(value, (str, int)) or isinstance(value, bool) or value == "":
                raise EdgeError(f"{where}: expected text values, found {value!r}; put it in quotes")
    return tuple(tuple(map(str, group)) for group in groups if group)


def read_grammars(path: Path, slots: Mapping[str, SlotValues]) -> list[Grammar]:
    """The grammars of one intent's file, whose stem is the intent; EdgeError names file and entry of a mistake."""
    content = read_yaml(path)
    if set(content) != set(SPLITS):
        raise EdgeError(f"{path}: expected the keys {', '.join(SPLITS)}, found {', '.join(map(str, content))}")
    return [_grammar(path, split, number, template, slots)
            for split in SPLITS for number, template in enumerate(content[split] or [], start=1)]


def _grammar(path: Path, split: str, number: int, template: Any, slots: Mapping[str, SlotValues]) -> Grammar:
    where = f"{path}: {split} entry {number}"
    if not isinstance(template, str) or not template.strip():
        raise EdgeError(f"{where}: expected a template, found {template!r}; put the line in single quotes")
    nodes = parse(template, where)
    for name in sorted(slot_names(nodes) - set(slots)):
        raise EdgeError(f"{where}: expected a slot of slots.yaml, found {{{name}}} in {template!r}; add or correct it")
    return Grammar(f"{path.stem}/{split}/{number}", path.stem, split, template, nodes)


@lru_cache(maxsize=1)
def all_slots() -> dict[str, SlotValues]:
    return read_slots(FOLDER / "slots.yaml")


@lru_cache(maxsize=1)
def all_grammars() -> tuple[Grammar, ...]:
    """Every grammar of the six intents, in the intents' order."""
    return tuple(g for intent in INTENTS for g in read_grammars(FOLDER / f"{intent.name}.yaml", all_slots()))
