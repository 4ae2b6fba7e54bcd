"""The meter of tracking sees what is misunderstood, misrecorded and misreported."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.assistant.asking import PERIODS
from pipeline.data.assistant.courses import all_courses
from pipeline.data.assistant.sample import Sample
from pipeline.data.assistant.tasks import LEARNING_TRACKING, SIMPLE_QA
from pipeline.edge.assistant.named import CourseName
from pipeline.edge.assistant.record import progress, telling
from pipeline.edge.assistant.record.study import StudyRecord
from pipeline.measure import attempts, student
from pipeline.measure import tracking as meter
from pipeline.measure.student import NOW, Counted, filled, history
from tests.assistant.study import check_against

COURSES = [CourseName(course.name, course.aliases) for course in all_courses()]


def sample(query: str, operation: str, **arguments: object) -> Sample:
    return Sample(query, LEARNING_TRACKING, {"operation": operation, **arguments})


SAMPLES = [
    sample("线代第二章看了四十分钟", "log_session", minutes=40, course="线性代数", chapter=2),
    sample("做了10道极限的题，错了3道", "log_exercise", total=10, right=7, topic="极限", course=None),
    sample("高斯定理我不太会", "mark_weak", topic="高斯定理"),
    sample("电磁学第一章学完了", "finish_chapter", course="电磁学", chapter=1),
    sample("昨晚学了两小时电磁学", "log_session", minutes=120, course="电磁学"),
    sample("撤销刚才的记录", "undo"),
    sample("这周学了多久", "time_spent", period="this_week"),
    sample("电磁学做题正确率", "accuracy", period="all", course="电磁学"),
    sample("电磁学学到哪一章了", "progress", course="电磁学"),
    sample("我连续学了几天", "streak"),
    sample("我有哪些薄弱点", "weak_points"),
    sample("今天该复习什么", "review_due"),
    sample("上次学电磁学是哪天", "last_studied", course="电磁学"),
]


def test_all_of_it_is_right_and_counted_by_operation() -> None:
    found = meter.tracking([*SAMPLES, Sample("什么是电势", SIMPLE_QA, {})], COURSES)
    assert found.outcomes == [1] * len(SAMPLES) and found.items == [one.query for one in SAMPLES]
    assert found.details == {"operations": {**{one.expected["operation"]: [1, 1] for one in SAMPLES}, "log_session": [2, 2]},
                             "wrong": [], "wrong_count": 0}


def test_what_is_understood_otherwise_is_wrong() -> None:
    wrong = [replace(SAMPLES[0], expected={**SAMPLES[0].expected, "minutes": 41}), replace(SAMPLES[9], expected={"operation": "progress"}),
             replace(SAMPLES[6], expected={"operation": "time_spent", "period": "all"}), *SAMPLES[1:]]
    found = meter.tracking(wrong, COURSES)
    assert found.outcomes == [0, 0, 0, *[1] * (len(SAMPLES) - 1)] and found.details["wrong_count"] == 3
    assert found.details["wrong"][0]["found"]["minutes"] == 40


def _one_more(_record: StudyRecord, *_: object) -> int:
    return 10**4


FAULTS = {
    "a streak that is wrong": (progress, "streak", _one_more),
    "a time that is wrong": (progress, "done", lambda *_: progress.Days(123456, 7, 3)),
    "a topic less": (progress, "weak", lambda *_: progress.Topics(1, [("", "别的")])),
    "nothing due": (progress, "due", lambda *_: progress.Topics(0, [])),
    "another day": (progress, "last_day", lambda *_: NOW.date().replace(year=2020)),
    "no chapters": (progress, "finished", lambda *_: {}),
    "another week": (progress, "span", lambda period, today: (today - timedelta(14), today - timedelta(8))),
    "right and wrong exchanged": (telling, "exercises", lambda total, right: f"{total} 道，对 {total - right} 道，错 {right} 道"),
    "another figure said": (telling, "duration", lambda minutes: f"{minutes + 1} 分钟"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_that_says_otherwise_than_the_entries_is_wrong(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr(*FAULTS[fault])
    assert 0 in meter.tracking(SAMPLES, COURSES).outcomes


def test_what_is_recorded_otherwise_than_confirmed_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    log = StudyRecord.log

    def forgetful(self: StudyRecord, kind: str, at: object, **said: object) -> object:
        entry = log(self, kind, at, **{**said, "minutes": 1})
        return replace(entry, **said)

    monkeypatch.setattr(StudyRecord, "log", forgetful)
    assert meter.tracking(SAMPLES[:1], COURSES).outcomes == [0]


@given(st.sampled_from(PERIODS), st.dates(date(1970, 1, 1), date(2200, 1, 1)))
def test_its_own_dates_are_those_of_the_record(period: str, today: date) -> None:
    first, last = progress.span(period, today)
    for day in (today - timedelta(ago) for ago in range(-35, 70)):
        assert student._falls_in(period, day, today) == (first <= day <= last)


@pytest.mark.parametrize("entries", [1, 2, 9, 100, 3000])
def test_a_history_of_any_size_is_recorded_as_it_is(tmp_path: Path, entries: int) -> None:
    made = list(history(entries, seed=5))
    assert len(made) == entries and [entry.at for entry in made] == sorted(entry.at for entry in made)
    assert made == list(history(entries, seed=5)) != list(history(entries, seed=6)) or entries < 3
    with filled(tmp_path, entries, seed=5) as record:
        assert record.ask("SELECT count(*), max(number) FROM entry") == [(entries, entries)] and not record.notes
        check_against(Counted(made), record, NOW.date())


def test_how_long_answers_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "PAUSE", 0.0)
    with filled(tmp_path, 100, seed=5) as record:
        found = meter.progress_time(record, COURSES, [one.query for one in SAMPLES], warmup=2, rounds=30)
        assert len(found.values) == 30 and found.conditions["items"] == 100 and found.details["p95"] > 0
        assert record.ask("SELECT max(number) FROM entry") == [(100,)]  # what logs was not asked
