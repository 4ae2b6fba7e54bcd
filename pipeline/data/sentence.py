"""A sentence of a template that remembers what its slots were filled with."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.data.grammar import Choice, Node, Slot, Text


@dataclass(frozen=True)
class Sentence:
    """``parts``: texts and slots in their order, choices made; ``values``: slot -> what is said there."""

    parts: tuple[Text | Slot, ...]
    values: Mapping[str, str]

    @property
    def text(self) -> str:
        return "".join(part.text if isinstance(part, Text) else self.values[part.name] for part in self.parts)

    def saying(self, values: Mapping[str, str]) -> Sentence:
        """The same words with other values."""
        return Sentence(self.parts, {**self.values, **values})


def chosen(nodes: tuple[Node, ...], rng: random.Random) -> tuple[Text | Slot, ...]:
    """The template's texts and slots in their order, an alternative drawn for every choice."""
    return tuple(part for node in nodes
                 for part in (chosen(rng.choice(node.options), rng) if isinstance(node, Choice) else [node]))
