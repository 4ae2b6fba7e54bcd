"""A student who never was: a history for a record of any size, and what it amounts to, counted in plain Python."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path

from fsrs import Card, Rating, Scheduler

from pipeline.data.assistant.courses import Course, all_courses
from pipeline.edge.assistant.record.entry import CHAPTER, EXERCISE, SESSION, UNDO, WEAK, Entry
from pipeline.edge.assistant.record.study import StudyRecord

NOW = datetime(2026, 11, 30, 21, 0, tzinfo=timezone(timedelta(hours=8)))
LONGEST_HISTORY, A_DAY = 3650, 10  # days; entries a day before there are that many
_BATCH = 50_000
_MIX = {SESSION: 55, EXERCISE: 25, WEAK: 8, CHAPTER: 8, UNDO: 4}
_REST = 60  # one day in so many is without study


def history(entries: int, seed: int, courses: Sequence[Course] = (), now: datetime = NOW) -> Iterator[Entry]:
    """That many entries in the order of their times, the last of them ``now``; the same for the same seed."""
    rng, courses = random.Random(seed), courses or all_courses()
    days = min(LONGEST_HISTORY, max(1, entries // A_DAY))
    studied = [day for day in range(days) if not day or day == 1 or rng.randrange(_REST)] or [0]
    standing: list[int] = []
    for number in range(1, entries + 1):
        ago = studied[-1 - (number - 1) * len(studied) // entries]
        at = (now - timedelta(ago)).replace(hour=8 + (number * 12 // entries) % 12 if ago else now.hour).isoformat()
        kind = rng.choices(list(_MIX), weights=list(_MIX.values()))[0]
        if kind == UNDO and standing:
            yield Entry(number, at, UNDO, undoes=standing.pop())
            continue
        standing.append(number)
        yield _entry(number, at, SESSION if kind == UNDO else kind, rng, courses)


def _entry(number: int, at: str, kind: str, rng: random.Random, courses: Sequence[Course]) -> Entry:
    course = rng.choice(courses)
    chapter = rng.randrange(len(course.chapters)) + 1
    if kind == SESSION:
        return Entry(number, at, kind, course.name, chapter if rng.random() < 0.5 else 0, minutes=5 * rng.randint(1, 30))
    if kind == CHAPTER:
        return Entry(number, at, kind, course.name, chapter)
    topic = rng.choice(course.chapters[chapter - 1].topics)
    if kind == WEAK:
        return Entry(number, at, kind, course.name, topic=topic)
    total = rng.randint(1, 20)
    return Entry(number, at, kind, course.name, topic=topic, total=total, right=total - rng.choice([0, 0, *range(total + 1)]))


def filled(folder: Path, entries: int, seed: int) -> StudyRecord:
    """A record of that history, journal and all, in a folder that has none; closed once, so that the next to open it finds it in order."""
    coming = history(entries, seed)
    with StudyRecord.open(folder) as record:
        while batch := list(islice(coming, _BATCH)):
            record.extend(batch)
    return StudyRecord.open(folder)


class Counted:
    """What entries amount to, by going through all of them: slow, and without SQL, so that a record can be held against it."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        entries = list(entries)
        undone = {entry.undoes for entry in entries if entry.kind == UNDO}
        self.standing = [entry for entry in entries if entry.kind != UNDO and entry.number not in undone]

    def studied(self, course: str | None) -> list[Entry]:
        return [entry for entry in self.standing if entry.kind in (SESSION, EXERCISE, CHAPTER) and course in (None, entry.course)]

    def done(self, first: date, last: date, course: str | None = None) -> tuple[int, int, int]:
        """Minutes, exercises, exercises right."""
        return _done([entry for entry in self.studied(course) if first <= date.fromisoformat(entry.day) <= last])

    def during(self, period: str, today: date, course: str | None = None) -> tuple[int, int, int]:
        """The same of a period, told from the day of each entry, without the first and last day that the record goes by."""
        return _done([entry for entry in self.studied(course) if _falls_in(period, date.fromisoformat(entry.day), today)])

    def finished(self, course: str | None = None) -> dict[str, list[int]]:
        pairs = sorted({(entry.course, entry.chapter) for entry in self.studied(course) if entry.kind == CHAPTER})
        return {name: [chapter for other, chapter in pairs if other == name] for name, _ in pairs}

    def days(self, course: str | None = None) -> set[date]:
        return {date.fromisoformat(entry.day) for entry in self.studied(course)}

    def streak(self, today: date) -> int:
        days, run = self.days(), 0
        day = today if today in days else today - timedelta(1)
        while day in days:
            run, day = run + 1, day - timedelta(1)
        return run

    def weak(self, course: str | None = None) -> list[tuple[str, str]]:
        """(course, topic), the newest first."""
        cards = self._cards(course)
        return sorted((key for key in cards if cards[key][1] == Rating.Again), key=lambda key: -cards[key][2])

    def due(self, today: date, course: str | None = None) -> list[tuple[str, str]]:
        """(course, topic), those longest due first."""
        cards = self._cards(course)
        return [key for _, key in sorted((cards[key][0], key) for key in cards if cards[key][0] <= today)]

    def _cards(self, course: str | None) -> dict[tuple[str, str], tuple[date, Rating, int]]:
        """Of each topic in doubt: the day it is due, how the last review went, and the number of that."""
        scheduler, cards = Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False), {}
        found: dict[tuple[str, str], tuple[date, Rating, int]] = {}
        for entry in self.standing:
            key = (entry.course, entry.topic)
            if not entry.topic or entry.kind not in (WEAK, EXERCISE) or course not in (None, entry.course):
                continue
            wrong = entry.total - entry.right
            rating = Rating.Again if entry.kind == WEAK or 5 * wrong > entry.total else Rating.Hard if wrong else Rating.Good
            if key in cards or rating != Rating.Good:
                at = datetime.fromisoformat(entry.at).astimezone(UTC)
                cards[key], _ = scheduler.review_card(cards.get(key) or Card(card_id=0), rating, at)
                found[key] = date.fromisoformat(entry.day) + (cards[key].due - at), rating, entry.number
        return found


def _done(entries: Sequence[Entry]) -> tuple[int, int, int]:
    return sum(e.minutes for e in entries), sum(e.total for e in entries), sum(e.right for e in entries)


def _falls_in(period: str, day: date, today: date) -> bool:
    """``period``: one of `PERIODS`, or a day in ISO 8601."""
    weeks, months = _week(today) - _week(day), 12 * (today.year - day.year) + today.month - day.month
    return {"all": True, "today": day == today, "yesterday": (today - day).days == 1, "this_week": weeks == 0, "last_week": weeks == 1,
            "this_month": months == 0, "last_month": months == 1}.get(period, day.isoformat() == period)


def _week(day: date) -> int:
    """Number of a week that begins on Monday, as 1 January of the year 1 was one."""
    return (day.toordinal() - 1) // 7
