"""The six intents, read once from ``intents.yaml``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from pipeline.errors import EdgeError

ROUTES = ("local", "cloud")


@dataclass(frozen=True)
class Intent:
    """``label``: the single answer token.  ``route``: local or cloud.  ``share``: in [0, 1], of the scenario mix.

    ``caption``: its Chinese name for figures.
    """

    name: str
    label: str
    route: str
    share: float
    caption: str
    definition: str


def load_intents(path: Path) -> tuple[Intent, ...]:
    """The intents of a YAML list, in its order; EdgeError when a name or label stands twice or a route is unknown."""
    intents = tuple(Intent(**entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8")))
    if len({i.name for i in intents}) < len(intents) or len({i.label for i in intents}) < len(intents):
        raise EdgeError(f"{path}: expected each name and each label once, found one twice; correct the file")
    for intent in intents:
        if intent.route not in ROUTES:
            raise EdgeError(f"{path}: expected the route local or cloud, found {intent.route!r} at {intent.name}")
    return intents


INTENTS: tuple[Intent, ...] = load_intents(Path(__file__).with_name("intents.yaml"))
_BY_NAME = {intent.name: intent for intent in INTENTS}


def by_name(name: str) -> Intent:
    """The intent of that name; EdgeError lists the six when there is none."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise EdgeError(f"expected one of the intents {', '.join(_BY_NAME)}, found {name!r}; correct it") from None


def shares_of(mix: Mapping[str, float]) -> dict[str, float]:
    """Share by intent, summing to 1, of a scenario in which intent i has the weight ``mix[i]``; an intent of weight 0 is left out.

    EdgeError for a name that is none of the six, a negative weight, and weights without a finite sum above 0.
    """
    for name in mix:
        by_name(name)
    total = sum(mix.values())
    if not mix or not math.isfinite(total) or min(mix.values()) < 0 or total <= 0:
        raise EdgeError(f"expected non-negative weights by intent that add up to more than 0, found {dict(mix)}; correct them")
    return {name: weight / total for name, weight in mix.items() if weight > 0}
