"""Confusion matrices of a record, each once: several claims may rest on the same decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.report.results import Seen, seen


def matrices(results: Mapping[str, Any], kind: str) -> list[list[Seen]]:
    """The measurements with a matrix over ``kind`` (intents or routes); those of one artifact with equal matrices together."""
    groups: dict[str, list[Seen]] = {}
    for item in seen(results):
        if item.details.get(kind) and item.details.get("confusion"):
            groups.setdefault(str((item.details["confusion"], sorted(item.artifacts.items()))), []).append(item)
    return list(groups.values())
