"""The whole learning assistant in the place of its classifier: to decide is to answer, whatever that takes."""

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


@dataclass(frozen=True)
class Answered:
    """What is kept of an answer; its logits are not told."""

    intent: str | None
    confidence: float | None
    route: str
    logits: tuple[float, ...] = ()


class WholeAssistant:
    """The assistant of a workspace, with the interface of `pipeline.edge.classifier.Classifier`; it stays open with its process."""

    def __init__(self, workspace: Path) -> None:
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

    def decide(self, query: str) -> Answered:
        """EdgeError where a handler failed: how fast it says so is not what is measured."""
        answered = self._assistant.answer(query)
        if answered.reply.text.startswith(FAILED):
            raise EdgeError(f"expected the assistant to answer, found: {answered.reply.text}; mend its workspace")
        return Answered(answered.task, answered.confidence, answered.route)
