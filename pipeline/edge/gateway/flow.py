"""One question, from the user's turns to the answer's parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.edge.declared import Call
from pipeline.edge.gateway import local
from pipeline.edge.gateway.completion import CloudError
from pipeline.edge.gateway.part import Clouds, Part
from pipeline.edge.gateway.question import MODEL, Question
from pipeline.edge.leaning import whole_by_words
from pipeline.edge.router import Mode, route, rule_of
from pipeline.edge.rules import Asked
from pipeline.edge.timed import Timed
from pipeline.errors import EdgeError
from pipeline.runtime.decision import CLOUD, LOCAL, Decision

NO_DECISION = "no_decision"  # the reason where the device could not say what the question is
LONGEST_REWRITING = 300  # characters; a longer one is none


class Device(Protocol):
    """What runs on the device.  All raise EdgeError when it cannot be asked."""

    has_functions: bool

    def decide(self, query: str) -> Decision: ...

    def rewrite(self, turns: list[str]) -> str: ...

    def choose(self, query: str) -> Call: ...


@dataclass
class Told(Timed):
    """What the client is told beside the answer.  ``query``: the question as it stands alone.

    trouble: why the cloud did not answer, or not to the end; "" where it did or was not asked.
    """

    query: str
    route: str = LOCAL
    reason: str = ""
    intent: str | None = None
    confidence: float | None = None
    tool: dict[str, Any] | None = None
    trouble: str = ""


@dataclass(frozen=True)
class Answer:
    """``told`` is complete once the parts have been read.  ``model``: who answers."""

    told: Timed
    parts: Iterator[Part]
    model: str = MODEL


@dataclass(frozen=True)
class Flow:
    """The device, the cloud where there is one, and how to route between them (`pipeline.edge.router`)."""

    device: Device
    cloud: Clouds | None
    mode: Mode = "combined"

    def answer(self, question: Question) -> Answer:
        """Decide now, answer while the parts are read; EdgeError when a question that must stay finds no device."""
        told = Told(question.turns[-1])
        self._route(question, told)
        return Answer(told, self._from_the_device(question, told) if told.route == LOCAL else self._from_the_cloud(question, told))

    def _route(self, question: Question, told: Told) -> None:
        asked = Asked(told.query, question.says("requires_reasoning"), question.says("previous_failed"))
        settled = self.mode != "model" and rule_of(asked) not in (None, "keyword")  # whatever the words mean in their context
        if len(question.turns) > 1 and (question.local_only or not settled):
            with told.timed("rewrite"):
                told.query = self._alone(question.turns)
        if (decision := self._decision(question, told)) is None:
            told.route, told.reason = CLOUD, NO_DECISION
            return
        told.intent, told.confidence = decision.intent, decision.confidence
        if question.local_only:
            told.route, told.reason = LOCAL, "local_only"
        else:
            routed = route(Asked(told.query, asked.requires_reasoning, asked.previous_failed), decision, self.mode)
            told.route, told.reason = routed.route, routed.reason

    def _alone(self, turns: list[str]) -> str:
        """The question in words that need no context: the functions model's, or by words where none is served or it fails."""
        try:
            query = self.device.rewrite(turns).strip() if self.device.has_functions else ""
        except EdgeError:
            query = ""
        return query if 0 < len(query) <= LONGEST_REWRITING else whole_by_words(turns)

    def _decision(self, question: Question, told: Told) -> Decision | None:
        with told.timed("classify"):
            try:
                return self.device.decide(told.query)
            except EdgeError:
                if question.local_only or self.cloud is None:
                    raise
                return None

    def _from_the_device(self, question: Question, told: Told) -> Iterator[Part]:
        yield Part(self._local_words(question, told))
        yield Part(finish="stop")

    def _local_words(self, question: Question, told: Told) -> str:
        call = None
        if local.has_tools(told.intent):
            with told.timed("tool"):
                call = local.choose(self.device, told.query)
        with told.timed("answer"):
            told.tool = call and call.as_object()
            return local.words(told.query, call, told.intent, told.confidence, kept=question.local_only)

    def _from_the_cloud(self, question: Question, told: Told) -> Iterator[Part]:
        said, last = False, Part(finish="stop")
        try:
            with told.timed("cloud"):
                if self.cloud is None:
                    raise CloudError("none", "none is configured", counts=False)
                for last in self.cloud.ask(question.forwarded(), question.options()):
                    said = said or bool(last.text)
                    yield Part(last.text)
            yield Part("", last.finish, last.usage)
        except CloudError as error:
            told.trouble = error.trouble
            yield Part(local.CUT if said else local.sorry(error.trouble) + self._local_words(question, told))
            yield Part(finish="length" if said else "stop")
