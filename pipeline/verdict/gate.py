"""Verdicts -> one answer for the whole run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.verdict.thresholds import Gate


def gate(claims: Sequence[Mapping[str, Any]], rule: Gate) -> dict[str, Any]:
    """{"state": green, red or nothing measured, "red": the ids of the claims that turned it red}."""
    red = [claim["id"] for claim in claims if claim["verdict"]["state"] in rule.red]
    if red:
        return {"state": "red", "red": red}
    passed = any(claim["verdict"]["state"] == "pass" for claim in claims)
    return {"state": "green" if passed else "nothing measured", "red": []}
