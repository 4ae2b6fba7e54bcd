"""Answers about the student's own learning, and records what they say they did.

To record is an act: only the user's own question comes here, never text of a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from pipeline.data.assistant.asking import ACTS
from pipeline.edge.assistant.named import CourseName
from pipeline.edge.assistant.record.day import day_done, period_asked
from pipeline.edge.assistant.record.recording import Recording
from pipeline.edge.assistant.record.study import StudyRecord
from pipeline.edge.assistant.record.telling import Telling
from pipeline.edge.assistant.record.understanding import Operation, understand
from pipeline.edge.assistant.reply import Reply

NOT_UNDERSTOOD = "我没听出要记录还是要查什么。可以说“今天学了半小时线性代数”，或者问“这周学了多久”。"
NOT_DONE = "听起来这还没有做，或者不要记，所以没有记录。做完了再说一声，例如“今天学了半小时线性代数”。"
WHICH_DAY = "我没听出是哪一天，没有记录。请说明白，比如“昨天学了半小时线性代数”，或者说出几月几日；几天的请分开说。"
WHICH_PERIOD = "我能查某一天、这周、上周、这个月、上个月和全部的记录，没听出要查的是哪一段。请换个说法再问一次。"


def _now() -> datetime:
    return datetime.now().astimezone()


class Tracking:
    """The handler of learning_tracking.  ``courses``: those that can be named; ``now``: the student's clock, with its zone."""

    def __init__(self, record: StudyRecord, courses: Callable[[], Sequence[CourseName]], now: Callable[[], datetime] = _now) -> None:
        self._record, self._courses, self._now = record, courses, now

    def answer(self, question: str) -> Reply:
        """What was recorded, what the record says, or what is missing."""
        courses, today = self._courses(), self._now().date()
        operation = understand(question, courses)
        if operation is None:
            return Reply(NOT_UNDERSTOOD, found=False)
        if operation.name in ACTS and operation.name != "undo":
            from pipeline.edge.assistant.record.done import is_done  # its patterns take a hundredth of a second
            if not is_done(question, operation.name, courses):
                return Reply(NOT_DONE, found=False)
            day = day_done(question, today) or (today if operation.name == "mark_weak" else None)
            return self.carry_out(operation, (today - day).days) if day else Reply(WHICH_DAY, found=False)
        if "period" in operation.arguments:
            if (period := period_asked(question, operation.arguments["period"], today)) is None:
                return Reply(WHICH_PERIOD, found=False)
            operation = Operation(operation.name, {**operation.arguments, "period": period})
        return self.carry_out(operation)

    def carry_out(self, operation: Operation, ago: int = 0) -> Reply:
        """``ago``: how many days before today it was done, where it is something to record."""
        now, chapters = self._now(), {course.name: len(course.chapters) for course in self._courses()}
        handler: Recording | Telling = Telling(self._record, chapters, now.date())
        if operation.name in ACTS:
            handler = Recording(self._record, chapters, now - timedelta(ago), now)
        return getattr(handler, operation.name)(**operation.arguments)
