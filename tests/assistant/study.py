"""What the tests of the study record share."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from hypothesis import strategies as st

from pipeline.data.assistant.asking import PERIODS
from pipeline.edge.assistant.record import progress
from pipeline.edge.assistant.record.entry import CHAPTER, EXERCISE, SESSION, UNDO, WEAK, Entry
from pipeline.edge.assistant.record.study import StudyRecord
from pipeline.measure.student import Counted

NOON = datetime(2026, 2, 26, 12, 0, tzinfo=timezone(timedelta(hours=8)))
COURSES, TOPICS = ("", "线性代数", "电磁学"), ("", "极限", "高斯定理")
TABLES = ("entry", "of_course", "day", "finished", "review", "card")

course, topic, hours = st.sampled_from(COURSES), st.sampled_from(TOPICS), st.integers(0, 60)
acts = st.one_of(
    st.tuples(st.just(SESSION), hours, st.fixed_dictionaries(
        {"course": course, "minutes": st.integers(1, 600), "chapter": st.integers(0, 9)})),
    st.tuples(st.just(EXERCISE), hours, st.tuples(course, topic, st.integers(0, 12), st.integers(0, 12)).map(
        lambda said: {"course": said[0], "topic": said[1], "total": said[2] + said[3], "right": said[2]})),
    st.tuples(st.just(WEAK), hours, st.fixed_dictionaries({"course": course, "topic": topic})),
    st.tuples(st.just(CHAPTER), hours, st.fixed_dictionaries({"course": course, "chapter": st.integers(1, 4)})),
    st.tuples(st.just(UNDO), hours, st.just({})),
)
"""(kind, hours since the act before, what is said)"""


def act(record: StudyRecord, plan: list[tuple], start: datetime = NOON) -> list[Entry]:
    """Do as planned; the entries as they should be recorded."""
    entries, at = [], start
    for kind, passed, said in plan:
        at += timedelta(hours=passed)
        number, standing = len(entries) + 1, Counted(entries).standing
        if kind != UNDO:
            assert record.log(kind, at, **said) == Entry(number, at.isoformat(), kind, **said)
            entries.append(Entry(number, at.isoformat(), kind, **said))
        elif standing:
            assert record.undo(at) == standing[-1]
            entries.append(Entry(number, at.isoformat(), UNDO, undoes=standing[-1].number))
        else:
            assert record.undo(at) is None
    return entries


def content(record: StudyRecord) -> dict[str, list[tuple]]:
    """Every row of every table."""
    return {table: record.ask(f"SELECT * FROM {table}") for table in TABLES}


def check_against(counted: Counted, record: StudyRecord, today: date) -> None:
    """The record says what the entries, gone through one by one, amount to."""
    for name in (None, *COURSES):
        for period in PERIODS:
            days = progress.done(record, *progress.span(period, today), name)
            assert (days.minutes, days.total, days.right) == counted.done(*progress.span(period, today), name)
        assert progress.finished(record, name) == counted.finished(name)
        assert progress.last_day(record, name) == max(counted.days(name), default=None)
        pairs = ((progress.weak(record, name), counted.weak(name)), (progress.due(record, today, name), counted.due(today, name)))
        for found, expected in pairs:
            assert (found.count, found.first) == (len(expected), expected[:5])
    assert progress.streak(record, today) == counted.streak(today)


def flip(path: Path, place: int, mask: int) -> None:
    """Change one byte, wherever ``place`` falls in the file."""
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= mask
    path.write_bytes(data)
