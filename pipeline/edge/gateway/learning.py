"""The learning assistant as the gateway serves it: the model `learning-assistant`, its log and its ratings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from pipeline.edge.assistant.assistant import LONGEST, Assistant, Turn
from pipeline.edge.assistant.log import log
from pipeline.edge.assistant.ratings import Consent, Ratings, satisfied
from pipeline.edge.assistant.workspace import Workspace
from pipeline.edge.gateway.flow import Answer
from pipeline.edge.gateway.part import Part
from pipeline.edge.gateway.question import ASSISTANT, Question
from pipeline.edge.server.protocol import Strict
from pipeline.edge.server.refusal import Refusal
from pipeline.errors import EdgeError


class RatingForm(Strict):
    """A rating as the page sends it.  ``consent``: the student agreed that it is kept; ``questions``: with what was asked."""

    consent: bool = False
    questions: bool = False
    task: str | None = None
    stars: int | None = Field(None, ge=1, le=5)
    satisfied: bool | None = None
    question: str | None = Field(None, max_length=LONGEST)


@dataclass(frozen=True)
class Learning:
    """An opened assistant and the workspace it is of."""

    assistant: Assistant
    workspace: Workspace

    def answer(self, question: Question) -> Answer:
        """Of the conversation the last question alone: nothing said before it is forwarded.  Refusal for one that is too long."""
        asked, to_cloud = question.turns[-1], question.says("previous_failed") or question.says("requires_reasoning")
        if len(asked) > LONGEST:
            raise Refusal(422, f"expected a question of at most {LONGEST} characters, found {len(asked)}; shorten it", param="messages")
        turn = self.assistant.begin(asked, local_only=question.local_only, to_cloud=to_cloud)
        return Answer(turn.told, self._logged(turn, asked), ASSISTANT)

    def rate(self, form: RatingForm) -> dict[str, Any]:
        """Keep a rating and tell what there is now; Refusal without consent, and for what is no rating."""
        ratings = Ratings(self.workspace.ratings)
        if not form.consent:
            raise Refusal(403, "expected the student's consent to keep ratings, found none; ask first", param="consent")
        try:
            ratings.add(task=form.task, stars=form.stars, satisfied=form.satisfied, question=form.question,
                        agreed=Consent(True, form.questions))
        except EdgeError as error:
            raise Refusal(422, str(error)) from None
        return self.rated()

    def rated(self) -> dict[str, Any]:
        """What was agreed, how many ratings there are, and how many of them are satisfied."""
        ratings = Ratings(self.workspace.ratings)
        outcomes = satisfied(ratings.read(mistakes=[]))
        return {"consent": ratings.consent.ratings, "questions": ratings.consent.questions, "count": len(outcomes),
                "satisfied": sum(outcomes)}

    def _logged(self, turn: Turn, asked: str) -> Iterator[Part]:
        yield from turn.parts
        log(self.workspace.log, turn.told, asked if self.workspace.settings.log_questions else None)
