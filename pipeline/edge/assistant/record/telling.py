"""What the record says, in sentences whose every figure is one of their facts."""

from __future__ import annotations

from datetime import date

from pipeline.edge.assistant.record import progress
from pipeline.edge.assistant.record.study import StudyRecord
from pipeline.edge.assistant.record.wording import duration, exercises, reply, written
from pipeline.edge.assistant.reply import Reply

_PERIODS = {"today": "今天", "yesterday": "昨天", "this_week": "本周", "last_week": "上周", "this_month": "本月", "last_month": "上个月",
            "all": "到目前为止"}


class Telling:
    """A method an operation.  ``chapters``: by course how many it has, where that is known."""

    def __init__(self, record: StudyRecord, chapters: dict[str, int], today: date) -> None:
        self._record, self._chapters, self._today = record, chapters, today

    def time_spent(self, period: str = "all", course: str | None = None) -> Reply:
        days, when = progress.done(self._record, *progress.span(period, self._today), course), _called(period)
        if not days.minutes:
            return reply(f"{when}没有学习{course or ''}的时间记录。", when, course)
        total = duration(days.minutes)
        return reply(f"{when}学习{course or ''} {total}。", when, course, total)

    def accuracy(self, period: str = "all", course: str | None = None) -> Reply:
        days, when = progress.done(self._record, *progress.span(period, self._today), course), _called(period)
        if not days.total:
            return reply(f"{when}没有{_of(course)}做题记录。", when, course)
        total = f"做题 {exercises(days.total, days.right)}，正确率 {100 * days.right / days.total:.0f}%"
        return reply(f"{when}{course or ''}{total}。", when, course, total)

    def progress(self, course: str | None = None) -> Reply:
        finished = progress.finished(self._record, course)
        if not finished:
            return reply(f"{course or ''}还没有学完的章节。", course)
        each = [f"{name}学完 {len(done)} 章{self._of_how_many(name)}（第 {'、'.join(map(str, done))} 章）"
                for name, done in finished.items()]
        return reply("；".join(each) + "。", *each)

    def streak(self) -> Reply:
        days = progress.streak(self._record, self._today)
        if not days:
            return reply("目前没有连续学习的天数，今天学一会儿就重新开始了。")
        run = f"已经连续学习 {days} 天"
        return reply(run + ("。" if progress.last_day(self._record) == self._today else "，今天还没有记录。"), run)

    def weak_points(self, course: str | None = None) -> Reply:
        return _topics(progress.weak(self._record, course), course, f"{_of(course)}薄弱点", f"{course or ''}没有薄弱点的记录。")

    def review_due(self, course: str | None = None) -> Reply:
        return _topics(progress.due(self._record, self._today, course), course, f"今天该复习的{_of(course)}知识点",
                       f"今天{_of(course)}没有到期要复习的知识点。")

    def last_studied(self, course: str | None = None) -> Reply:
        day = progress.last_day(self._record, course)
        if day is None:
            return reply(f"{course or ''}还没有学习记录。", course)
        ago = (self._today - day).days
        when = f"{written(day)}（{'今天' if not ago else f'{ago} 天前' if ago > 0 else '按今天的日期还没到'}）"
        return reply(f"上次学习{course or ''}是{when}。", course, when)

    def _of_how_many(self, course: str) -> str:
        count = self._chapters.get(course)
        return f"，共 {count} 章" if count else ""


def _topics(topics: progress.Topics, course: str | None, what: str, none: str) -> Reply:
    if not topics.count:
        return reply(none, course)
    names = [f"{topic}（{of}）" if of and of != course else topic for of, topic in topics.first]
    counted = f"{what}有 {topics.count} 个"
    return reply(f"{counted}：{'、'.join(names)}{'' if topics.count == len(names) else '等'}。", counted, *names)


def _called(period: str) -> str:
    return _PERIODS.get(period) or written(date.fromisoformat(period))


def _of(course: str | None) -> str:
    return f"{course}的" if course else ""
