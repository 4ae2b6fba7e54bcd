"""Verdicts -> one answer for the whole run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.verdict.thresholds import Gate


def gate(claims: Sequence[Mapping[str, Any]], rule: Gate, failed: Mapping[str, str]) -> dict[str, Any]:
    """{"state": green, red, invalid or nothing measured, "red": what turned it red, "invalid": claims, "failed_tests": {test: why}}.

    A claim is red by its verdict, by how it moved against the baseline, or because its test crashed.  invalid: measured under
    broken conditions, where ``rule`` does not count that as red.  failed: every test that failed, and why.  Those that no claim
    of either kind accounts for turn the gate red on their own: they stand in ``failed_tests``, and in ``red`` after the claims.
    """
    states = {claim["id"]: _states(claim) for claim in claims}
    tests = {claim["id"]: claim["test"] for claim in claims}
    red = [name for name, found in states.items() if found & {*rule.red, "crashed"}]
    invalid = [name for name, found in states.items() if "invalid" in found and name not in red]
    accounted = {tests[name] for name in (*red, *invalid)}
    others = {test: why for test, why in failed.items() if test not in accounted}
    if red or others:
        state = "red"
    elif invalid:
        state = "invalid"
    else:
        state = "green" if any(claim["verdict"]["state"] == "pass" for claim in claims) else "nothing measured"
    return {"state": state, "red": [*red, *others], "invalid": invalid, "failed_tests": others}


def _states(claim: Mapping[str, Any]) -> set[str]:
    state, regression = claim["verdict"]["state"], claim.get("regression") or {}
    crashed = state == "invalid" and not claim["measurement"].get("invalid")
    uncompared = regression.get("state") == "not_compared" and regression.get("broken")  # a baseline was asked for and not held against
    return {state, regression.get("state", ""), "crashed" if crashed else "", "invalid" if uncompared else ""}
