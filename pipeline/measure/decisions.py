"""Every decision of one model over a list of queries: what accuracy, loss, agreement, routing and calibration read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.atomic import write_atomically
from pipeline.errors import EdgeError
from pipeline.measure.child import TIMEOUT, ran_as, serving
from pipeline.measure.subject import Subject
from pipeline.progress import track
from pipeline.runtime.decision import read_rule

VERSION = 1
BATCH = 50  # queries a request: a worker's deadline is for one answer, and 1,600 decisions of a large model outlast it
IN_PYTHON = ("mil", "onnx-reference")  # backends whose threads wait for Python's lock: a process on every core instead


@dataclass(frozen=True)
class Decision:
    """One query's outcome.  logits: one a label, in the order of `Decisions.labels`."""

    intent: str
    confidence: float
    route: str
    logits: list[float]


@dataclass(frozen=True)
class Decisions:
    """The decisions of one model; list i of every field belongs to ``queries[i]``.

    labels: intents in the order of the logits.  conditions: backend, provider and threads that really ran.
    """

    name: str
    labels: list[str]
    temperature: float
    queries: list[str]
    intents: list[str]
    confidences: list[float]
    routes: list[str]
    logits: list[list[float]]
    artifacts: dict[str, str] = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def _position(self) -> dict[str, int]:
        return {query: i for i, query in enumerate(self.queries)}

    def of(self, query: str) -> Decision:
        """The decision of that query; EdgeError when it was never decided."""
        if query not in self._position:
            raise EdgeError(f"{self.name}: expected a decision for {query!r}, found none among the {len(self.queries)} "
                            "decided queries; decide all queries of the data first")
        i = self._position[query]
        return Decision(self.intents[i], self.confidences[i], self.routes[i], self.logits[i])

    def right(self, records: Sequence[Mapping[str, Any]]) -> list[int]:
        """1 where the decided intent is the record's, one a record."""
        return [int(self.of(record["query"]).intent == record["intent"]) for record in some(records)]

    def among(self, queries: Sequence[str]) -> Decisions:
        """The decisions of these queries alone; EdgeError when one of them was never decided."""
        found = [self.of(query) for query in queries]
        return replace(self, queries=list(queries), **{
            name: [getattr(one, field) for one in found]
            for name, field in {"intents": "intent", "confidences": "confidence", "routes": "route", "logits": "logits"}.items()})

    def save(self, file: Path) -> None:
        """Writes JSON; a reader sees the whole file or none."""
        write_atomically(file, json.dumps({"version": VERSION, **asdict(self)}, ensure_ascii=False))

    @staticmethod
    def load(file: Path) -> Decisions:
        """Reads what `save` wrote; EdgeError when the file is not that."""
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            if content.pop("version") != VERSION:
                raise ValueError("another version")
            return Decisions(**content)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise EdgeError(f"{file}: expected decisions saved by version {VERSION}, found {error}; "
                            "delete the file and decide again") from None


def decide_all(subject: Subject, queries: Sequence[str], *, timeout: float = TIMEOUT) -> Decisions:
    """Decides every distinct query once, in a process of its own; ``timeout`` seconds for each batch of them.

    Nothing is timed here, so each decision runs on one thread and one of them on every core at once, on however many
    threads the subject serves: the logits do not depend on the number, and no thread spins for another.
    """
    distinct, cores = list(dict.fromkeys(queries)), os.cpu_count() or 1
    rule = read_rule(subject.decision)
    answers: dict[str, list[Any]] = {"intents": [], "confidences": [], "routes": [], "logits": []}
    processes = cores if subject.backend in IN_PYTHON else 1
    size = min(BATCH, max(1, -(-len(distinct) // processes)))
    batches = [distinct[start:start + size] for start in range(0, len(distinct), size)]
    with ExitStack() as living, track(f"{subject.name}: decisions", len(distinct)) as progress:
        children = [living.enter_context(serving(replace(subject, threads=1), timeout)) for _ in range(processes)]
        for first in range(0, len(batches), processes):
            asked = list(zip(children, batches[first:first + processes], strict=False))
            for (child, _), batch in asked:
                child.tell({"do": "decide", "queries": batch, "at_once": cores // processes})
            for (child, _), batch in asked:
                answer = child.hear()
                for name, values in answers.items():
                    values += answer[name]
                progress.advance(len(batch))
    return Decisions(
        name=subject.name, labels=[intent.name for intent in rule.intents],
        temperature=rule.temperature, queries=distinct, **answers,
        artifacts=dict(subject.artifacts), conditions=ran_as(children[0][1]),
    )


def some(records: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The records, or EdgeError when there are none: nothing measured must never look like a perfect score."""
    if not records:
        raise EdgeError("expected at least one record to measure on, found none; check the data file")
    return records


def check_same_queries(reference: Decisions, candidate: Decisions) -> None:
    """EdgeError unless both decided the same queries, at least one, with the same labels."""
    if not reference.queries or set(reference.queries) != set(candidate.queries) or reference.labels != candidate.labels:
        raise EdgeError(f"expected {reference.name} and {candidate.name} to have decided the same queries with the same labels, found "
                        f"{len(reference.queries)} and {len(candidate.queries)} queries that differ; decide all queries with both")


def queries_of(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a measurement says its items were."""
    return [record["query"] for record in records]


def paired_artifacts(reference: Mapping[str, str], candidate: Mapping[str, str]) -> dict[str, str]:
    """The store keys of both sides' models, as ``reference`` and ``candidate``."""
    sides = {"reference": reference, "candidate": candidate}
    return {side: next(iter(keys.values())) for side, keys in sides.items() if keys}
