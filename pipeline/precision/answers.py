"""Questions answered by two models: each one right or wrong, so that the models are compared on the same questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import EdgeError
from pipeline.measure.decisions import Decisions, queries_of
from pipeline.verdict import statistics as st


@dataclass(frozen=True)
class Answers:
    """Of one task: the questions' ids, and 1 where the answer was right; or why it was not measured."""

    ids: list[str] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    reason: str = ""


def of_intents(decisions: Decisions, records: Sequence[Mapping[str, Any]]) -> Answers:
    """The intents of queries as a task: what `pipeline.measure.decisions` found, question by question."""
    return Answers(queries_of(records), decisions.right(records))


def held_against(original: Answers | None, answers: Answers, confidence: float, same: bool = False) -> dict[str, Any]:
    """``accuracy`` with exact bounds (Clopper and Pearson), and ``loss``, the original's less its own, paired on the same questions
    (Tango 1998), with McNemar's ``p``.  {"reason"} where it was not measured.  same: the original itself.
    """
    if answers.reason or not answers.ids:
        return {"reason": answers.reason or "no question was asked"}
    n, hits = len(answers.right), sum(answers.right)
    found: dict[str, Any] = {"accuracy": _bounded(hits / n, st.clopper_pearson(hits, n, confidence), n), "right": dict(
        zip(answers.ids, answers.right, strict=True))}
    if same or original is None or original.reason:
        return found
    before = _in_order(original, answers.ids)
    loss = (sum(before) - hits) / n
    return {**found, "loss": {**_bounded(loss, st.paired_difference(before, answers.right, confidence), n),
                              "p": st.mcnemar_p(before, answers.right)}}


def _in_order(original: Answers, ids: Sequence[str]) -> list[int]:
    known = dict(zip(original.ids, original.right, strict=True))
    if set(known) != set(ids):
        raise EdgeError(f"expected both models to have answered the same questions, found {len(set(known) ^ set(ids))} that only one has; "
                        "ask both again")
    return [known[one] for one in ids]


def _bounded(value: float, bounds: st.Bounds, n: int) -> dict[str, Any]:
    return {"value": value, "lower": bounds.lower, "upper": bounds.upper, "n": n}
