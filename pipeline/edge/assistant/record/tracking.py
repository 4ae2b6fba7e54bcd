"""Answers about the student's own learning, and records what they say they did.

To record is an act: only the user's own question comes here, never text of a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from pipeline.edge.assistant.named import CourseName
from pipeline.edge.assistant.record import progress
from pipeline.edge.assistant.record.entry import CHAPTER, EXERCISE, SESSION, WEAK, Entry
from pipeline.edge.assistant.record.study import StudyRecord
from pipeline.edge.assistant.record.understanding import Operation, understand
from pipeline.edge.assistant.reply import Reply

LONGEST_SESSION, MOST_EXERCISES, LAST_CHAPTER = 24 * 60, 1000, 99  # minutes, and counts that somebody would mean
_PERIODS = {"today": "今天", "yesterday": "昨天", "this_week": "本周", "last_week": "上周", "this_month": "本月", "all": "到目前为止"}


class Tracking:
    """The handler of learning_tracking.  ``courses``: those that can be named; ``now``: the student's clock, with its zone."""

    def __init__(self, record: StudyRecord, courses: Callable[[], Sequence[CourseName]],
                 now: Callable[[], datetime] = lambda: datetime.now().astimezone()) -> None:
        self._record, self._courses, self._now = record, courses, now

    def answer(self, question: str) -> Reply:
        """What was recorded, what the record says, or what is missing."""
        operation = understand(question, self._courses())
        if operation is None:
            return _ask_back("我没听出要记录还是要查什么。可以说“今天学了半小时线性代数”，或者问“这周学了多久”。")
        return self.carry_out(operation)

    def carry_out(self, operation: Operation) -> Reply:
        return getattr(self, f"_{operation.name}")(**operation.arguments)

    def _log_session(self, minutes: int, course: str = "", chapter: int = 0) -> Reply:
        if not 0 < minutes <= LONGEST_SESSION:
            return _ask_back("这个时长不像是一次学习的时间，我没有记录。请再说一遍学了多久。")
        if not self._has(course, chapter):
            return _ask_back("这门课好像没有这一章，我没有记录。请再说一遍是哪一章。")
        return self._recorded(SESSION, course=course, chapter=chapter, minutes=minutes)

    def _log_exercise(self, total: int, right: int | None = None, course: str = "", topic: str = "") -> Reply:
        if right is None:
            return _ask_back("一共做了多少题我听到了，但没听出对了几道，所以没有记录。请把对错也说一遍。")
        if not 0 <= right <= total or not 0 < total <= MOST_EXERCISES:
            return _ask_back("这些题数对不上，我没有记录。请再说一遍做了几道、对了几道。")
        return self._recorded(EXERCISE, course=course, topic=topic, total=total, right=right)

    def _mark_weak(self, topic: str = "", course: str = "") -> Reply:
        if not topic:
            return _ask_back("我没听出是哪个知识点，没有记录。请说出它的名字。")
        return self._recorded(WEAK, course=course, topic=topic)

    def _finish_chapter(self, chapter: int, course: str = "") -> Reply:
        if not course:
            return _ask_back("我没听出是哪门课的这一章，没有记录。请把课程名也说一遍。")
        if not self._has(course, chapter):
            return _ask_back("这门课好像没有这一章，我没有记录。请再说一遍是哪一章。")
        return self._recorded(CHAPTER, course=course, chapter=chapter)

    def _undo(self) -> Reply:
        undone = self._record.undo(self._now())
        if undone is None:
            return Reply("没有可以撤销的记录。")
        return Reply(f"已撤销：{described(undone)}。", (described(undone),))

    def _time_spent(self, period: str = "all", course: str | None = None) -> Reply:
        days = progress.done(self._record, *progress.span(period, self._today), course)
        if not days.minutes:
            return _reply(f"{_PERIODS[period]}没有学习{course or ''}的时间记录。", course)
        total = _duration(days.minutes)
        return _reply(f"{_PERIODS[period]}学习{course or ''} {total}。", course, total)

    def _accuracy(self, period: str = "all", course: str | None = None) -> Reply:
        days = progress.done(self._record, *progress.span(period, self._today), course)
        if not days.total:
            return _reply(f"{_PERIODS[period]}没有{_of(course)}做题记录。", course)
        total = f"做题 {_exercises(days.total, days.right)}，正确率 {100 * days.right / days.total:.0f}%"
        return _reply(f"{_PERIODS[period]}{course or ''}{total}。", course, total)

    def _progress(self, course: str | None = None) -> Reply:
        chapters = progress.finished(self._record, course)
        if not chapters:
            return _reply(f"{course or ''}还没有学完的章节。", course)
        each = [f"{name}学完 {len(done)} 章{self._of_how_many(name)}（{_listed(done)}）" for name, done in chapters.items()]
        return _reply("；".join(each) + "。", *each)

    def _streak(self) -> Reply:
        days = progress.streak(self._record, self._today)
        if not days:
            return _reply("目前没有连续学习的天数，今天学一会儿就重新开始了。")
        run = f"已经连续学习 {days} 天"
        return _reply(run + ("。" if progress.last_day(self._record) == self._today else "，今天还没有记录。"), run)

    def _weak_points(self, course: str | None = None) -> Reply:
        return _topics(progress.weak(self._record, course), course, f"{_of(course)}薄弱点", f"{course or ''}没有薄弱点的记录。")

    def _review_due(self, course: str | None = None) -> Reply:
        return _topics(progress.due(self._record, self._today, course), course, f"今天该复习的{_of(course)}知识点",
                       f"今天{_of(course)}没有到期要复习的知识点。")

    def _last_studied(self, course: str | None = None) -> Reply:
        day = progress.last_day(self._record, course)
        if day is None:
            return _reply(f"{course or ''}还没有学习记录。", course)
        ago = (self._today - day).days
        when = f"{written(day)}（{'今天' if not ago else f'{ago} 天前' if ago > 0 else '按今天的日期还没到'}）"
        return _reply(f"上次学习{course or ''}是{when}。", course, when)

    @property
    def _today(self) -> date:
        return self._now().date()

    def _recorded(self, kind: str, **said: Any) -> Reply:
        entry = self._record.log(kind, self._now(), **said)
        return Reply(f"已记录：{described(entry)}。", (described(entry),))

    def _has(self, course: str, chapter: int) -> bool:
        """Whether the course may have such a chapter, as far as is known."""
        return 0 <= chapter <= (self._chapters(course) or LAST_CHAPTER)

    def _of_how_many(self, course: str) -> str:
        count = self._chapters(course)
        return f"，共 {count} 章" if count else ""

    def _chapters(self, course: str) -> int:
        return next((len(known.chapters) for known in self._courses() if known.name == course), 0)


def described(entry: Entry) -> str:
    """An entry in words: its day, what was done, where."""
    where = (entry.course or "") + (f"第 {entry.chapter} 章" if entry.chapter else "")
    what = {SESSION: f"学习{where} {_duration(entry.minutes)}",
            EXERCISE: f"{'的'.join(filter(None, (entry.course, entry.topic)))}做题 {_exercises(entry.total, entry.right)}",
            WEAK: f"薄弱点 {entry.topic}" + (f"（{entry.course}）" if entry.course else ""), CHAPTER: f"学完{where}"}
    return f"{written(date.fromisoformat(entry.day))}，{what[entry.kind]}"


def written(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _duration(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{minutes} 分钟" + (f"（{hours} 小时{f' {rest} 分钟' if rest else ''}）" if hours else "")


def _exercises(total: int, right: int) -> str:
    return f"{total} 道，对 {right} 道，错 {total - right} 道"


def _listed(chapters: list[int]) -> str:
    return "第 " + "、".join(map(str, chapters)) + " 章"


def _of(course: str | None) -> str:
    return f"{course}的" if course else ""


def _topics(topics: progress.Topics, course: str | None, what: str, none: str) -> Reply:
    if not topics.count:
        return _reply(none, course)
    names = [f"{topic}（{of}）" if of and of != course else topic for of, topic in topics.first]
    counted = f"{what}有 {topics.count} 个"
    return _reply(f"{counted}：{'、'.join(names)}{'' if topics.count == len(names) else '等'}。", counted, *names)


def _reply(text: str, *facts: str | None) -> Reply:
    return Reply(text, tuple(fact for fact in facts if fact))


def _ask_back(text: str) -> Reply:
    return Reply(text, found=False)
