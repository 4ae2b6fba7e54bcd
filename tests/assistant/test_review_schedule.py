"""Laws of spaced repetition, and that undoing a review brings back what was before it."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.edge.assistant.record import progress
from pipeline.edge.assistant.record.entry import EXERCISE, SESSION, WEAK, Entry
from pipeline.edge.assistant.record.schedule import Review, reviewed
from pipeline.edge.assistant.record.study import StudyRecord
from tests.assistant.study import NOON, content

quick = settings(deadline=None, max_examples=50)


def marked(at: datetime) -> Entry:
    return Entry(1, at.isoformat(), WEAK, topic="极限")


def practised(at: datetime, right: int, total: int = 10) -> Entry:
    return Entry(1, at.isoformat(), EXERCISE, topic="极限", right=right, total=total)


def days_until_due(review: Review) -> int:
    return (date.fromisoformat(review.due) - date.fromisoformat(review.at[:10])).days


@quick
@given(st.integers(2, 12))
def test_each_success_on_the_day_it_is_due_puts_the_next_farther_off(times: int) -> None:
    at, review, gaps = NOON, reviewed(None, marked(NOON)), []
    for _ in range(times):
        at += timedelta(days_until_due(review))
        review = reviewed(review, practised(at, right=10))
        gaps.append(days_until_due(review))
    assert gaps == sorted(gaps) and len(set(gaps)) > len(gaps) // 2


@quick
@given(st.integers(0, 8), st.integers(0, 40))
def test_a_lapse_brings_it_back_sooner_and_the_better_the_later(successes: int, late: int) -> None:
    at, review = NOON, reviewed(None, marked(NOON))
    for _ in range(successes):
        at += timedelta(days_until_due(review))
        review = reviewed(review, practised(at, right=10))
    at += timedelta(days_until_due(review) + late)
    lapse, hard, good = (days_until_due(reviewed(review, practised(at, right))) for right in (3, 9, 10))
    assert 1 <= lapse <= hard <= good and lapse < good
    assert reviewed(review, practised(at, 9)).rating == 2 and reviewed(review, practised(at, 7)).rating == 1


def test_the_days_are_those_of_the_library_without_fuzz() -> None:
    """Reference values of py-fsrs 6 with its default parameters, learning steps and fuzz off."""
    at, review, gaps = NOON, reviewed(None, marked(NOON)), []
    for _ in range(5):
        at += timedelta(days_until_due(review))
        review = reviewed(review, practised(at, right=10))
        gaps.append(days_until_due(review))
    assert gaps == [2, 6, 17, 44, 102]


def test_the_same_history_gives_the_same_days() -> None:
    assert reviewed(reviewed(None, marked(NOON)), practised(NOON, 9)) == reviewed(reviewed(None, marked(NOON)), practised(NOON, 9))


def test_what_says_nothing_of_a_topic_is_no_review() -> None:
    once = reviewed(None, marked(NOON))
    for entry in (Entry(1, NOON.isoformat(), EXERCISE, total=5), Entry(1, NOON.isoformat(), SESSION, topic="极限", minutes=5),
                  Entry(1, NOON.isoformat(), EXERCISE, topic="极限")):
        assert reviewed(once, entry) is None
    assert reviewed(None, practised(NOON, right=10)) is None  # it never was in doubt
    assert reviewed(None, practised(NOON, right=9)) is not None


@quick
@given(st.integers(0, 23), st.sampled_from(["Asia/Shanghai", "America/Los_Angeles", "Pacific/Kiritimati"]))
def test_it_is_due_by_the_students_calendar(hour: int, zone: str) -> None:
    at = datetime(2026, 3, 7, hour, 30, tzinfo=ZoneInfo(zone))  # in Los Angeles the clock is put forward the night after
    assert reviewed(None, marked(at)).due == "2026-03-08"


@settings(deadline=None, max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 100)), max_size=6))
def test_undoing_a_review_brings_back_the_card_as_it_was(history: list[tuple[int, int]]) -> None:
    at = NOON
    with TemporaryDirectory() as folder, StudyRecord.open(Path(folder)) as record:
        states = []
        for right, days in history:
            states.append((content(record)["card"], content(record)["review"]))
            at += timedelta(days)
            record.log(EXERCISE, at, topic="极限", right=right, total=10)
        for cards, reviews in reversed(states):
            record.undo(at)
            assert (content(record)["card"], content(record)["review"]) == (cards, reviews)


def test_a_weak_point_goes_with_the_first_success_and_comes_back_with_a_lapse(tmp_path: Path) -> None:
    today = NOON.date()
    with StudyRecord.open(tmp_path) as record:
        record.log(WEAK, NOON, topic="极限")
        assert progress.weak(record).first == [("", "极限")] and not progress.due(record, today).count
        assert progress.due(record, today + timedelta(1)).first == [("", "极限")]
        record.log(EXERCISE, NOON + timedelta(1), topic="极限", right=10, total=10)
        assert not progress.weak(record).count and not progress.due(record, today + timedelta(1)).count
        record.log(EXERCISE, NOON + timedelta(2), topic="极限", right=2, total=10)
        assert progress.weak(record).first == [("", "极限")]


def test_a_time_without_a_zone_is_this_machines(tmp_path: Path) -> None:
    with StudyRecord.open(tmp_path) as record:
        naive = datetime(2026, 11, 30, 0, 5)
        entry = record.log(WEAK, naive, topic="极限")
        assert entry.day == "2026-11-30" and datetime.fromisoformat(entry.at).tzinfo is not None
        assert record.log(WEAK, naive.replace(tzinfo=timezone(timedelta(hours=-11))), topic="极限").day == "2026-11-30"
