"""Days in a row and periods, by the student's own calendar."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.assistant.asking import PERIODS
from pipeline.edge.assistant.record import progress
from pipeline.edge.assistant.record.entry import CHAPTER, EXERCISE, SESSION, WEAK
from pipeline.edge.assistant.record.study import StudyRecord


def at(text: str, zone: str = "Asia/Shanghai") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(("studied", "today", "days"), [
    ([], "2026-02-26", 0),
    (["2026-02-26T23:59"], "2026-02-26", 1),
    (["2026-02-26T23:59"], "2026-02-27", 1),  # today may still come
    (["2026-02-26T23:59"], "2026-02-28", 0),
    (["2026-02-26T23:59", "2026-02-27T00:01"], "2026-02-27", 2),  # two minutes apart, two days
    (["2026-02-26T00:01", "2026-02-26T23:59"], "2026-02-26", 1),
    (["2025-12-30T12:00", "2025-12-31T12:00", "2026-01-01T12:00"], "2026-01-02", 3),
    (["2024-02-28T12:00", "2024-02-29T12:00", "2024-03-01T12:00"], "2024-03-01", 3),
    (["2026-02-24T12:00", "2026-02-26T12:00"], "2026-02-26", 1),
    (["2026-02-25T12:00", "2026-02-28T12:00"], "2026-02-26", 1),  # a day that is still to come counts for nothing
])
def test_days_in_a_row(tmp_path: Path, studied: list[str], today: str, days: int) -> None:
    with StudyRecord.open(tmp_path) as record:
        for moment in studied:
            record.log(SESSION, at(moment), minutes=5)
        assert progress.streak(record, date.fromisoformat(today)) == days


@pytest.mark.parametrize(("first", "zone"), [("2026-03-06", "America/Los_Angeles"), ("2026-10-30", "America/Los_Angeles"),
                                             ("2026-03-28", "Europe/Berlin")])
def test_a_day_of_23_or_25_hours_is_a_day(tmp_path: Path, first: str, zone: str) -> None:
    with StudyRecord.open(tmp_path) as record:
        for day in range(5):
            moment = at(f"{first}T23:30", zone) + timedelta(day)
            record.log(SESSION, moment, minutes=5)
        assert progress.streak(record, date.fromisoformat(first) + timedelta(4)) == 5


def test_what_counts_as_a_day_of_study(tmp_path: Path) -> None:
    with StudyRecord.open(tmp_path) as record:
        today = date(2026, 2, 26)
        record.log(WEAK, at("2026-02-26T12:00"), topic="极限")
        assert progress.streak(record, today) == 0 and progress.last_day(record) is None
        record.log(CHAPTER, at("2026-02-26T12:00"), course="线性代数", chapter=1)
        record.log(EXERCISE, at("2026-02-25T12:00"), total=1)
        assert progress.streak(record, today) == 2
        record.undo(at("2026-02-26T13:00"))
        assert progress.streak(record, today) == 1 and progress.last_day(record) == today


def test_a_chapter_finished_twice_is_one_and_stays_when_the_second_is_undone(tmp_path: Path) -> None:
    with StudyRecord.open(tmp_path) as record:
        for _ in range(2):
            record.log(CHAPTER, at("2026-02-26T12:00"), course="线性代数", chapter=3)
        assert progress.finished(record) == {"线性代数": [3]}
        record.undo(at("2026-02-26T13:00"))
        assert progress.finished(record) == {"线性代数": [3]}
        record.undo(at("2026-02-26T13:00"))
        assert progress.finished(record) == {}


@given(st.dates(date(1970, 1, 1), date(2200, 1, 1)))
def test_periods_are_what_their_names_say(today: date) -> None:
    spans = {period: progress.span(period, today) for period in PERIODS}
    for period in ("today", "this_week", "this_month", "all"):
        assert spans[period][0] <= today <= spans[period][1]
    week, month = spans["this_week"], spans["this_month"]
    assert week[0].weekday() == 0 and (week[1] - week[0]).days == 6 and spans["last_week"] == tuple(day - timedelta(7) for day in week)
    assert month[0].day == 1 and (month[1] + timedelta(1)).day == 1 and month[0].month == month[1].month
    assert spans["yesterday"] == (today - timedelta(1),) * 2
