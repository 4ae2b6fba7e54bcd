"""A question of the student's, from its words to an answer: what the device can say it says, the rest goes to the cloud."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.data.assistant.tasks import COURSE_RESOURCE, LEARNING_TRACKING, SIMPLE_QA, TASKS
from pipeline.edge.assistant.cloud_context import CloudContext, Sent
from pipeline.edge.assistant.reply import Reply
from pipeline.edge.gateway.apology import CUT, sorry
from pipeline.edge.gateway.completion import CloudError
from pipeline.edge.gateway.part import Clouds, Part
from pipeline.edge.timed import Timed
from pipeline.errors import EdgeError
from pipeline.runtime.decision import CLOUD, LOCAL, Decision

LONGEST = 4000  # characters of a question
SOURCES, SOURCE = 12, 200  # that are told of an answer, and characters of each
OFFER = "可以让云端来回答这个问题。"
FAILED = "这一步没有做成："
_KEPT = "按您的要求，这个问题没有发往云端。"
_UNSURE = "设备没有听准这句话，所以什么也没有记录或改动，请换个说法。"
_UNABLE = "设备自己回答不了这个问题。"
_NEARBY = "您的资料里可能有关的内容：\n"


class Decides(Protocol):
    """The classifier of the four tasks."""

    def decide(self, query: str) -> Decision: ...


class Answers(Protocol):
    """A handler: what it says, it says from the student's own data."""

    def answer(self, question: str) -> Reply: ...


@dataclass
class Told(Timed):
    """What is told beside an answer.

    reason: "sure"; "unsure" or "intent", which send to the cloud; "long": more than the model reads, so to the cloud; "asked": the
    student wanted the cloud; "local_only": the student wanted none.  route: also local where an unsure device answered after all, for
    there is no cloud.  sources: what the answer was made from, or what went to the cloud beside the question.  offers_cloud: the device
    has no answer and the cloud, which keeps no study record, may have one.  trouble: why the cloud did not answer.
    """

    route: str = LOCAL
    reason: str = ""
    task: str | None = None
    confidence: float | None = None
    sources: tuple[str, ...] = ()
    offers_cloud: bool = False
    trouble: str = ""

    def to_json(self) -> dict[str, Any]:
        """As `Timed`; of the sources as much as somebody would look at."""
        return {**super().to_json(), "sources": [source[:SOURCE] for source in self.sources[:SOURCES]]}


@dataclass(frozen=True)
class Turn:
    """``told`` is complete once the parts have been read; ``reply`` is None where the cloud answers."""

    told: Told
    parts: Iterator[Part]
    reply: Reply | None = None


@dataclass(frozen=True)
class Answered:
    """A whole answer; the fields are those of `Told`.  ``ms``: by step: classify, answer, context, cloud.

    ``reply`` of the cloud has no facts: nothing of the student's vouches for it.
    """

    route: str
    task: str | None
    confidence: float | None
    reply: Reply
    ms: dict[str, float]
    reason: str
    trouble: str = ""
    sources: tuple[str, ...] = ()
    offers_cloud: bool = False


@dataclass(frozen=True)
class Assistant:
    """``library``, ``tracking`` and ``cards`` answer on the device; ``cloud``, where there is one, gets what ``context`` lets out."""

    classifier: Decides
    library: Answers
    tracking: Answers
    cards: Answers
    cloud: Clouds | None = None
    context: CloudContext = field(default_factory=CloudContext)

    def answer(self, question: str, *, local_only: bool = False, to_cloud: bool = False) -> Answered:
        """The whole answer.  ``local_only``: nothing leaves the device; ``to_cloud``: the student asked for the cloud's.

        EdgeError for a question without text or of more than `LONGEST` characters, and for a model that fails.
        """
        turn = self.begin(question, local_only=local_only, to_cloud=to_cloud)
        text, told = "".join(part.text for part in turn.parts), turn.told
        by_cloud = told.route == CLOUD and not told.trouble
        reply = turn.reply or Reply(text, () if by_cloud else told.sources, found=not told.trouble)
        return Answered(told.route, told.task, told.confidence, reply, dict(told.ms), told.reason, told.trouble, told.sources,
                        told.offers_cloud)

    def begin(self, question: str, *, local_only: bool = False, to_cloud: bool = False) -> Turn:
        """Decide and, on the device, answer; what the cloud says comes while the parts are read."""
        if not question.strip() or len(question) > LONGEST:
            raise EdgeError(f"expected a question of 1 to {LONGEST} characters, found {len(question.strip())}; shorten it")
        told = Told()
        with told.timed("classify"):
            decision = self.classifier.decide(question)
        told.task, told.confidence = decision.intent, decision.confidence
        told.route, told.reason = _routed(decision, local_only, to_cloud)
        if told.route == CLOUD:
            return Turn(told, self._from_the_cloud(question, decision, told))
        with told.timed("answer"):
            reply = self._handled(question, told.task) if told.reason == "sure" else self._kept(question, decision)
            told.offers_cloud = not (reply.found or local_only or self.cloud is None or told.task == LEARNING_TRACKING)
            told.sources = reply.facts
        parts = [reply.text, *([OFFER] if told.offers_cloud else [])]
        return Turn(told, iter([Part("\n".join(parts)), Part(finish="stop")]), reply)

    def _handled(self, question: str, task: str) -> Reply:
        handler = {COURSE_RESOURCE: self.library, LEARNING_TRACKING: self.tracking, SIMPLE_QA: self.cards}[task]
        try:
            return handler.answer(question)
        except EdgeError as error:
            return Reply(f"{FAILED}{error}", (str(error),), found=False)

    def _kept(self, question: str, decision: Decision) -> Reply:
        """What the device can say where it should not have answered by itself: only what reads, nothing that records."""
        if _sure(decision):
            return self._handled(question, decision.intent)
        nearby = self._nearby(question, decision.intent)
        return Reply(_KEPT + nearby.text, nearby.facts, nearby.found)

    def _nearby(self, question: str, task: str) -> Reply:
        if task == LEARNING_TRACKING:
            return Reply(_UNSURE, found=False)
        reply = self._handled(question, task if task == SIMPLE_QA else COURSE_RESOURCE)
        if not reply.found or task in (SIMPLE_QA, COURSE_RESOURCE):
            return reply if reply.found else Reply(_UNABLE, found=False)
        return Reply(_UNABLE + _NEARBY + reply.text, reply.facts)

    def _from_the_cloud(self, question: str, decision: Decision, told: Told) -> Iterator[Part]:
        said, last = False, Part(finish="stop")
        try:
            if self.cloud is None:
                raise CloudError("none", "none is configured", counts=False)
            with told.timed("context"):
                sent = self._sent(question)
                told.sources = sent.sources
            with told.timed("cloud"):
                for last in self.cloud.ask(sent.messages, {"stream": True}):
                    said = said or bool(last.text)
                    yield Part(last.text)
            yield Part("", last.finish, last.usage)
        except CloudError as error:
            told.trouble = error.trouble
            if said:
                yield Part(CUT, "length")
                return
            with told.timed("answer"):
                nearby = self._nearby(question, decision.intent)
            told.sources = nearby.facts
            if self.cloud is None and told.reason == "unsure" and nearby.found:  # nobody expected a cloud, and the device has answered
                told.route, told.trouble = LOCAL, ""
            yield Part((sorry(told.trouble) if told.trouble else "") + nearby.text, "stop")

    def _sent(self, question: str) -> Sent:
        """With its context, or alone where that cannot be read: a damaged index keeps nobody from the cloud."""
        try:
            return self.context.of(question)
        except EdgeError:
            return CloudContext().of(question)


def _sure(decision: Decision) -> bool:
    return decision.route == LOCAL and not decision.truncated


def _routed(decision: Decision, local_only: bool, to_cloud: bool) -> tuple[str, str]:
    """Route and reason: by what the student wants, else by the decision alone; no text of a file or card is looked at."""
    if local_only:
        return LOCAL, "local_only"
    if to_cloud:
        return CLOUD, "asked"
    if _sure(decision):
        return LOCAL, "sure"
    if decision.truncated:
        return CLOUD, "long"
    return CLOUD, "unsure" if _ROUTES.get(decision.intent) == LOCAL else "intent"


_ROUTES: dict[str, Any] = {task.name: task.route for task in TASKS}
