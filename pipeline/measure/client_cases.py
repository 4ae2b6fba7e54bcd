"""The documented client test: twelve fixed questions through gateway and client."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.data.scenarios import ClientCase
from pipeline.measure.conversation import Answered, Conversation
from pipeline.measure.measurement import Exact
from pipeline.runtime.decision import CLOUD

REASONING = "complex_reasoning"


@dataclass(frozen=True)
class Row:
    """One case as the report's table shows it.  ``forwarded``: the cloud received the question.  ``ms``: by step, and the client's wait."""

    id: str
    query: str
    expected_intent: str
    expected_route: str
    route: str
    reason: str
    intent: str
    confidence: float
    tool: str
    forwarded: bool
    answer: str
    ms: dict[str, float]


def ask_cases(client: Any, cases: Sequence[ClientCase], heard: Any) -> list[Row]:
    """Each case as a conversation of its own; ``heard()`` gives the questions that the cloud has received."""
    answered = [(case, Conversation(client).ask(case.query)) for case in cases]
    received: Collection[str] = heard()
    return [_row(case, one, case.query in received) for case, one in answered]


def _row(case: ClientCase, one: Answered, forwarded: bool) -> Row:
    told = one.told
    return Row(case.id, case.query, case.intent, case.route, one.route, told["reason"], told["intent"] or "", told["confidence"] or 0.0,
               (told["tool"] or {}).get("name", ""), forwarded, one.text, {**told["ms"], "client": round(one.ms, 2)})


def unanswered(rows: Sequence[Row], artifacts: Mapping[str, str], conditions: Mapping[str, Any]) -> Exact:
    """How many cases got an empty answer.  details: ``rows``, for the client table."""
    return Exact("unanswered", "count", dict(artifacts), dict(conditions), {"rows": [asdict(row) for row in rows]},
                 value=float(sum(not row.answer.strip() for row in rows)))


def not_forwarded(rows: Sequence[Row], artifacts: Mapping[str, str], conditions: Mapping[str, Any]) -> Exact:
    """How many cases of complex reasoning the cloud did not receive.  details: ``asked``, how many there are."""
    asked = [row for row in rows if row.expected_intent == REASONING]
    missing = [row.query for row in asked if not (row.route == CLOUD and row.forwarded)]
    return Exact("not_forwarded", "count", dict(artifacts), dict(conditions), {"asked": len(asked), "missing": missing},
                 value=float(len(missing) if asked else 1))
