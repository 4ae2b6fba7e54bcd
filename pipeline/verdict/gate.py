"""Verdicts -> one answer for the whole run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.verdict.thresholds import Gate


def gate(claims: Sequence[Mapping[str, Any]], rule: Gate, failed: Mapping[str, str]) -> dict[str, Any]:
    """{"state": green, red or nothing measured, "red": what turned it red, "failed_tests": {test: why}}.

    failed: every test that failed, and why.  Those that no red claim accounts for turn the gate red on their own: they
    stand in ``failed_tests``, and in ``red`` after the claims.
    """
    red = {claim["id"]: claim["test"] for claim in claims if claim["verdict"]["state"] in rule.red}
    others = {test: why for test, why in failed.items() if test not in red.values()}
    if red or others:
        state = "red"
    else:
        state = "green" if any(claim["verdict"]["state"] == "pass" for claim in claims) else "nothing measured"
    return {"state": state, "red": [*red, *others], "failed_tests": others}
