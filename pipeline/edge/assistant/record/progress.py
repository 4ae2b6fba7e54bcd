"""What the record says: time, chapters, days in a row, exercises, weak points and what to review.

Every figure is read from totals by day, chapter or topic, never from the entries, so that it costs the same however many there are.
``course``: its full name, or None for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pipeline.data.assistant.asking import PERIODS
from pipeline.edge.assistant.record.schedule import AGAIN
from pipeline.edge.assistant.record.study import StudyRecord


def span(period: str, today: date) -> tuple[date, date]:
    """First and last day of a period, one of `PERIODS` or a day in ISO 8601; weeks begin on Monday."""
    if period not in PERIODS:
        return date.fromisoformat(period), date.fromisoformat(period)
    monday, first = today - timedelta(today.weekday()), today.replace(day=1)
    return {
        "today": (today, today),
        "yesterday": (today - timedelta(1), today - timedelta(1)),
        "this_week": (monday, monday + timedelta(6)),
        "last_week": (monday - timedelta(7), monday - timedelta(1)),
        "this_month": (first, (first + timedelta(32)).replace(day=1) - timedelta(1)),
        "last_month": ((first - timedelta(1)).replace(day=1), first - timedelta(1)),
        "all": (date.min, date.max),
    }[period]


@dataclass(frozen=True)
class Days:
    """What was done on some days: minutes of study, exercises done and right."""

    minutes: int
    total: int
    right: int


def done(record: StudyRecord, first: date, last: date, course: str | None = None) -> Days:
    table, where, parameters = _days_of(course)
    return Days(*record.ask(f"SELECT ifnull(sum(minutes), 0), ifnull(sum(total), 0), ifnull(sum(right), 0) FROM {table} "
                            f"WHERE day BETWEEN ? AND ?{where}", (first.isoformat(), last.isoformat(), *parameters))[0])


def finished(record: StudyRecord, course: str | None = None) -> dict[str, list[int]]:
    """Course -> its chapters that are finished, in order."""
    where, parameters = _of(course)
    found: dict[str, list[int]] = {}
    for name, chapter in record.ask(f"SELECT course, chapter FROM finished WHERE 1{where} ORDER BY course, chapter", parameters):
        found.setdefault(name, []).append(chapter)
    return found


def streak(record: StudyRecord, today: date) -> int:
    """Days in a row with a session, exercises or a finished chapter, until today, or until yesterday while today is still open."""
    return record.ask("""WITH RECURSIVE run(day) AS (
        SELECT max(day) FROM day WHERE day IN (?, ?) UNION ALL
        SELECT date(day, '-1 day') FROM run WHERE EXISTS (SELECT 1 FROM day WHERE day.day = date(run.day, '-1 day'))
    ) SELECT count(day) FROM run""", (today.isoformat(), (today - timedelta(1)).isoformat()))[0][0]


def last_day(record: StudyRecord, course: str | None = None) -> date | None:
    """The last day of study."""
    table, where, parameters = _days_of(course)
    found = record.ask(f"SELECT max(day) FROM {table} WHERE 1{where}", parameters)[0][0]
    return date.fromisoformat(found) if found else None


@dataclass(frozen=True)
class Topics:
    """``count`` of them, and the first few as (course or "", topic)."""

    count: int
    first: list[tuple[str, str]]


def weak(record: StudyRecord, course: str | None = None, limit: int = 5) -> Topics:
    """Topics that were marked weak, or went wrong, and have not gone well since; the newest first."""
    where, parameters = _of(course)
    return _topics(record, f"rating = {AGAIN}{where}", parameters, "number DESC", limit)


def due(record: StudyRecord, today: date, course: str | None = None, limit: int = 5) -> Topics:
    """Topics to review today, those longest due first."""
    where, parameters = _of(course)
    return _topics(record, f"due <= ?{where}", (today.isoformat(), *parameters), "due, course, topic", limit)


def _topics(record: StudyRecord, where: str, parameters: tuple[Any, ...], order: str, limit: int) -> Topics:
    count = record.ask(f"SELECT count(*) FROM card WHERE {where}", parameters)[0][0]
    first = record.ask(f"SELECT course, topic FROM card WHERE {where} ORDER BY {order} LIMIT ?", (*parameters, limit))
    return Topics(count, [(course, topic) for course, topic in first])


def _days_of(course: str | None) -> tuple[str, str, tuple[str, ...]]:
    """The table of totals by day, and what to ask of it."""
    return ("day" if course is None else "of_course", *_of(course))


def _of(course: str | None) -> tuple[str, tuple[str, ...]]:
    return ("", ()) if course is None else (" AND course = ?", (course,))
