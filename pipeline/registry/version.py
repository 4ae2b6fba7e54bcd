"""What the registry keeps of a model: a version, where it comes from, and how it is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.errors import EdgeError

CHAMPION, CHALLENGER = "champion", "challenger"
MODEL, DECISION, RECORD = "model", "decision", "record"  # the parts of a version
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
ALIAS = re.compile(r"(?!latest$|v\d+$)[a-z][a-z0-9-]{0,31}")  # mlflow keeps the two for itself
VERSION = re.compile(r"[1-9]\d{0,8}", re.ASCII)


@dataclass(frozen=True)
class Lineage:
    """Where a version comes from, as far as it is known.

    key, decision, data, base: keys of the store.  recipe: YAML of `profiles/recipes`.  metrics: value by claim, in the claim's unit;
    verdicts: state by claim; both of the claims of the record that are about this very model.
    """

    key: str = ""
    kind: str = ""
    decision: str = ""
    recipe: str = ""
    data: str = ""
    base: str = ""
    profile: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    verdicts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Version:
    """One registered model.  parts: the content key in the registry of its `model`, and of its `decision` and `record` if it has them."""

    name: str
    version: int
    aliases: tuple[str, ...]
    lineage: Lineage
    created: datetime
    parts: Mapping[str, str]

    @property
    def key(self) -> str:
        """The store key of the model; "" where it comes from elsewhere."""
        return self.lineage.key

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"


def check_name(name: str) -> str:
    """The name; EdgeError for one that is no plain word, which could be a path."""
    if not NAME.fullmatch(name):
        raise EdgeError(f"expected a model's name of at most 64 small letters, digits, '_', '.' and '-', found {name[:80]!r}; rename it")
    return name


def check_alias(alias: str) -> str:
    if not ALIAS.fullmatch(alias):
        raise EdgeError(f"expected an alias such as {CHAMPION} or {CHALLENGER}, found {alias[:80]!r}; "
                        "write small letters, digits and '-', but neither latest nor v1")
    return alias


def parse_reference(text: str) -> tuple[str, str]:
    """(name, version or alias) of ``NAME@champion`` or ``NAME@3``."""
    name, at, which = text.partition("@")
    if not at:
        raise EdgeError(f"expected a model's version as {name[:64] or 'NAME'}@{CHAMPION} or {name[:64] or 'NAME'}@3, found {text[:80]!r}")
    return check_name(name), which if VERSION.fullmatch(which) else check_alias(which)
