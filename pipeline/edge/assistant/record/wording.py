"""Entries and figures of the record in the student's words."""

from __future__ import annotations

from datetime import date

from pipeline.edge.assistant.record.entry import CHAPTER, EXERCISE, SESSION, WEAK, Entry
from pipeline.edge.assistant.reply import Reply


def reply(text: str, *facts: str | None) -> Reply:
    """With the facts that there are."""
    return Reply(text, tuple(fact for fact in facts if fact))


def described(entry: Entry) -> str:
    """An entry: its day, what was done, where."""
    where = entry.course + (f"第 {entry.chapter} 章" if entry.chapter else "")
    what = {
        SESSION: f"学习{where} {duration(entry.minutes)}",
        EXERCISE: f"{'的'.join(filter(None, (entry.course, entry.topic)))}做题 {exercises(entry.total, entry.right)}",
        WEAK: f"薄弱点 {entry.topic}" + (f"（{entry.course}）" if entry.course else ""),
        CHAPTER: f"学完{where}",
    }
    return f"{written(date.fromisoformat(entry.day))}，{what[entry.kind]}"


def written(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def duration(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{minutes} 分钟" + (f"（{hours} 小时{f' {rest} 分钟' if rest else ''}）" if hours else "")


def exercises(total: int, right: int) -> str:
    return f"{total} 道，对 {right} 道，错 {total - right} 道"
