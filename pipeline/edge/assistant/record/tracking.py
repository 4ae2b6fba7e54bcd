"""Answers about the student's own learning, and records what they say they did.

To record is an act: only the user's own question comes here, never text of a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from pipeline.edge.assistant.named import CourseName
from pipeline.edge.assistant.record.recording import Recording
from pipeline.edge.assistant.record.study import StudyRecord
from pipeline.edge.assistant.record.telling import Telling
from pipeline.edge.assistant.record.understanding import ACTS, Operation, days_ago, understand
from pipeline.edge.assistant.reply import Reply

NOT_UNDERSTOOD = "我没听出要记录还是要查什么。可以说“今天学了半小时线性代数”，或者问“这周学了多久”。"


def _now() -> datetime:
    return datetime.now().astimezone()


class Tracking:
    """The handler of learning_tracking.  ``courses``: those that can be named; ``now``: the student's clock, with its zone."""

    def __init__(self, record: StudyRecord, courses: Callable[[], Sequence[CourseName]], now: Callable[[], datetime] = _now) -> None:
        self._record, self._courses, self._now = record, courses, now

    def answer(self, question: str) -> Reply:
        """What was recorded, what the record says, or what is missing."""
        operation = understand(question, self._courses())
        return self.carry_out(operation, days_ago(question)) if operation else Reply(NOT_UNDERSTOOD, found=False)

    def carry_out(self, operation: Operation, ago: int = 0) -> Reply:
        """``ago``: how many days before today it was done, where it is something to record."""
        now, chapters = self._now(), {course.name: len(course.chapters) for course in self._courses()}
        handler: Recording | Telling = Telling(self._record, chapters, now.date())
        if operation.name in ACTS:
            handler = Recording(self._record, chapters, now - timedelta(ago), now)
        return getattr(handler, operation.name)(**operation.arguments)
