"""The whole learning assistant in the place of its classifier: to decide is to answer, whatever that takes, or only to decide."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.edge.assistant.assistant import FAILED
from pipeline.edge.assistant.opened import open_assistant
from pipeline.edge.assistant.reply import Reply
from pipeline.edge.assistant.workspace import Workspace
from pipeline.errors import EdgeError
from pipeline.runtime.decision import Decision


@dataclass(frozen=True)
class Answered:
    """What is kept of an answer; its logits are not told."""

    intent: str | None
    confidence: float | None
    route: str
    logits: tuple[float, ...] = ()


class WholeAssistant:
    """The assistant of a workspace, with the interface of `pipeline.edge.classifier.Classifier`; it stays open with its process.

    deciding: to decide is only what comes before an answer.
    """

    def __init__(self, workspace: Path, deciding: bool = False) -> None:
        self._deciding = deciding
        self._open = ExitStack()  # kept: it closes what it holds when it is collected
        self._assistant = self._open.enter_context(open_assistant(Workspace.open(workspace)))

    @property
    def runtime(self) -> Any:
        return self._assistant.classifier.runtime

    def encode(self, query: str) -> Any:
        return self._assistant.classifier.encode(query)

    def card(self, query: str) -> Reply:
        """What the card file says, whatever task the question is of."""
        return self._assistant.cards.answer(query)

    def decide(self, query: str) -> Answered | Decision:
        """EdgeError where a handler failed: how fast it says so is not what is measured."""
        if self._deciding:
            return self._assistant.classifier.decide(query)
        answered = self._assistant.answer(query)
        if answered.reply.text.startswith(FAILED):
            raise EdgeError(f"expected the assistant to answer, found: {answered.reply.text}; mend its workspace")
        return Answered(answered.task, answered.confidence, answered.route)
