"""How much memory the serving process takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pipeline.errors import EdgeError
from pipeline.measure.attempts import undisturbed
from pipeline.measure.child import TIMEOUT, Child, ran_as, serving
from pipeline.measure.conditions import conditions_of
from pipeline.measure.latency import order
from pipeline.measure.measurement import NotMeasured, Sample
from pipeline.measure.subject import Subject

DECISIONS, REPEATS = 100, 3
DEFINITIONS = {"peak_rss": "peak_rss", "uss": "uss", "footprint": "peak_footprint"}  # name here: name in `resident`


def memory(
    subject: Subject, queries: Sequence[str], *, definition: Literal["peak_rss", "uss", "footprint"],
    repeats: int = REPEATS, decisions: int = DECISIONS, timeout: float = TIMEOUT,
) -> Sample | NotMeasured:
    """MB (10^6 bytes) of a fresh process a repeat, which loads, answers ``decisions`` queries and then looks at itself.

    definition: peak_rss = largest resident set; uss = pages of its own at the end; footprint = the lifetime maximum of
    macOS's physical footprint (elsewhere not measured).  It is the measurement's metric, so a target names the one that
    gates.  details: lists ``peak_rss_mb``, ``rss_mb``, ``uss_mb``, ``footprint_mb`` (the lifetime maximum), one value a
    repeat, where the system tells them; and ``interpreter_mb``, the same definition for the bare worker before it loads.
    """
    if definition not in DEFINITIONS:
        raise EdgeError(f"expected a definition of memory among {', '.join(DEFINITIONS)}, found {definition!r}")
    plan = order(queries, decisions)

    def measure() -> tuple[dict[str, Any], list[tuple[dict[str, Any], dict[str, Any]]]]:
        with Child(subject.name, subject.threads, timeout) as bare:
            interpreter = bare.ask("memory")
        return interpreter, [_one(subject, plan, timeout) for _ in range(repeats)]

    (interpreter, runs), seen = undisturbed("memory", measure)
    gating = DEFINITIONS[definition]
    values = [figures[gating] for figures, _ in runs]
    lists = {f"{name}_mb": [figures[key] for figures, _ in runs]
             for name, key in {**DEFINITIONS, "rss": "rss"}.items() if interpreter[key] is not None}
    facts: dict[str, Any] = {
        "metric": definition, "unit": "MB", "artifacts": dict(subject.artifacts),
        "conditions": {**runs[0][1], "decisions": decisions, **conditions_of(seen)},
        "details": {"megabyte": "10^6 bytes", **lists, "interpreter_mb": interpreter[gating]},
    }
    if None in values:
        return NotMeasured(**facts, reason=f"this system does not tell the {definition} of a process; macOS does")
    return Sample(**facts, invalid=seen.broken, values=values)


def _one(subject: Subject, plan: list[str], timeout: float) -> tuple[dict[str, Any], dict[str, Any]]:
    with serving(subject, timeout) as (child, opened):
        child.ask("time", queries=plan)
        return child.ask("memory"), ran_as(opened)
