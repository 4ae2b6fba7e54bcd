"""What a run owes: every claim asked, what was measured before measured again with as many samples, and a green gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.ratchet.looser import Finding, shrunk, stopped

NOT_ASKED = "not asked in this run"  # so begins the reason of a claim for which no test was run


def owed_by(results: Mapping[str, Any], where: str, asked: Iterable[str], before: Mapping[str, int]) -> list[Finding]:
    """What the record of a run shows less than it owes; ``where`` names the record.

    asked: every claim of thresholds.yaml.  before: claim -> samples it was measured with at the reference.
    """
    judged = {entry["id"]: entry["verdict"] for entry in results["claims"]}
    silent = [name for name in asked if name not in judged or _was_not_asked(judged[name])]
    found = [Finding("stopped", f"{where}: {name}", "the claim was not asked", "run all of acceptance/, and see that a test has it")
             for name in silent]
    measured = {name: int(verdict.get("n") or 0) for name, verdict in judged.items() if verdict.get("value") is not None}
    due = {name: n for name, n in before.items() if name not in silent}
    mend = "or write why as `reason:` in the baseline that holds it"
    found += [Finding("stopped", f"{where}: {name}", words, f"measure it, {mend}") for name, words in stopped(due, measured).items()]
    found += [Finding("shrunk", f"{where}: {name}", words, f"measure as many, {mend}") for name, words in shrunk(due, measured).items()]
    return found + _gate(mapping(results["run"].get("gate")), where)


def mapping(value: Any) -> Mapping[str, Any]:
    """The value, or an empty mapping where a record has something else."""
    return value if isinstance(value, Mapping) else {}


def _was_not_asked(verdict: Mapping[str, Any]) -> bool:
    return verdict["state"] == "not_measured" and str(verdict.get("message")).startswith(NOT_ASKED)


def _gate(gate: Mapping[str, Any], where: str) -> list[Finding]:
    state = gate.get("state", "unknown")
    if state == "green":
        return []
    red = gate.get("red")
    why = ", ".join(map(str, red)) if isinstance(red, list) and red else "see the record"
    return [Finding("red", where, f"the gate of the run is {state}: {why}", "mend it and run `make accept` again")]
