"""What is said to be done is recorded, and confirmed as it was; what cannot be, or is not all said, is asked back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pipeline.edge.assistant.record.entry import CHAPTER, EXERCISE, SESSION, WEAK
from pipeline.edge.assistant.record.study import StudyRecord
from pipeline.edge.assistant.record.wording import described, reply
from pipeline.edge.assistant.reply import Reply

LONGEST_SESSION, MOST_EXERCISES, LAST_CHAPTER = 24 * 60, 1000, 99  # minutes, and counts that somebody would mean
_NO_CHAPTER = "这门课好像没有这一章，我没有记录。请再说一遍是哪一章。"


class Recording:
    """A method an operation.  ``chapters``: by course how many it has, where that is known; ``at``: when it was done; ``now``."""

    def __init__(self, record: StudyRecord, chapters: dict[str, int], at: datetime, now: datetime) -> None:
        self._record, self._chapters, self._at, self._now = record, chapters, at, now

    def log_session(self, minutes: int, course: str = "", chapter: int = 0) -> Reply:
        if not 0 < minutes <= LONGEST_SESSION:
            return _ask_back("这个时长不像是一次学习的时间，我没有记录。请再说一遍学了多久。")
        if not self._has(course, chapter):
            return _ask_back(_NO_CHAPTER)
        return self._recorded(SESSION, course=course, chapter=chapter, minutes=minutes)

    def log_exercise(self, total: int, right: int | None = None, course: str = "", topic: str = "") -> Reply:
        if right is None:
            return _ask_back("一共做了多少题我听到了，但没听出对了几道，所以没有记录。请把对错也说一遍。")
        if not 0 <= right <= total or not 0 < total <= MOST_EXERCISES:
            return _ask_back("这些题数对不上，我没有记录。请再说一遍做了几道、对了几道。")
        return self._recorded(EXERCISE, course=course, topic=topic, total=total, right=right)

    def mark_weak(self, topic: str = "", course: str = "") -> Reply:
        if not topic:
            return _ask_back("我没听出是哪个知识点，没有记录。请说出它的名字。")
        return self._recorded(WEAK, course=course, topic=topic)

    def finish_chapter(self, chapter: int, course: str = "") -> Reply:
        if not course:
            return _ask_back("我没听出是哪门课的这一章，没有记录。请把课程名也说一遍。")
        if not chapter or not self._has(course, chapter):
            return _ask_back(_NO_CHAPTER)
        return self._recorded(CHAPTER, course=course, chapter=chapter)

    def undo(self) -> Reply:
        undone = self._record.undo(self._now)
        return reply(f"已撤销：{described(undone)}。", described(undone)) if undone else _ask_back("没有可以撤销的记录。")

    def _recorded(self, kind: str, **said: Any) -> Reply:
        entry = self._record.log(kind, self._at, **said)
        return reply(f"已记录：{described(entry)}。", described(entry))

    def _has(self, course: str, chapter: int) -> bool:
        """Whether the course may have such a chapter, as far as is known."""
        return 0 <= chapter <= (self._chapters.get(course) or LAST_CHAPTER)


def _ask_back(text: str) -> Reply:
    return Reply(text, found=False)
