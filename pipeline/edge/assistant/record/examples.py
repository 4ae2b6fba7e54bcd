"""What students say of their learning, by the operation that they mean (examples.txt), with the marks of what is told by itself."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from pipeline.edge.assistant.record.marks import MARKS

OTHER = "other"
"""What is not about one's record."""


@cache
def examples() -> dict[str, tuple[str, ...]]:
    """Operation, or `OTHER` -> texts as `marked` has them."""
    found: dict[str, list[str]] = {}
    for line in Path(__file__).with_name("examples.txt").read_text(encoding="utf-8").splitlines():
        name, text = line.split("|", 1)
        found.setdefault(name, []).append(re.sub(r"\{(\w+)\}", lambda slot: MARKS[slot[1]], text))
    return {name: tuple(texts) for name, texts in found.items()}


@cache
def topic_names() -> tuple[str, ...]:
    """What topics are called (topics.txt)."""
    return tuple(Path(__file__).with_name("topics.txt").read_text(encoding="utf-8").splitlines())
