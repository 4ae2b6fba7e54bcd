"""When to review a topic again, by FSRS (https://github.com/open-spaced-repetition/py-fsrs)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from fsrs import Card, Rating, Scheduler, State

from pipeline.edge.assistant.record.entry import EXERCISE, WEAK, Entry

AGAIN = int(Rating.Again)
FAIR = 0.8  # of the exercises right: remembered, with difficulty
# No steps of minutes: a student does exercises, not flash cards.  No fuzz: the same record gives the same days.
_SCHEDULER = Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)


@dataclass(frozen=True)
class Review:
    """How well a topic is remembered after a review ``at`` (ISO 8601).  ``due``: the day of the next one; ``stability`` in days."""

    at: str
    due: str
    rating: int
    stability: float
    difficulty: float


def reviewed(last: Review | None, entry: Entry) -> Review | None:
    """The state after that entry; None where it says nothing of a topic, or only that one never in doubt went well."""
    rating = _rating(entry)
    if rating is None or (last is None and rating == Rating.Good):
        return None
    at = datetime.fromisoformat(entry.at)
    card, _ = _SCHEDULER.review_card(_card(last), rating, at.astimezone(UTC))
    due = date.fromisoformat(entry.day) + timedelta((card.due - at.astimezone(UTC)).days)
    return Review(entry.at, due.isoformat(), int(rating), float(card.stability or 0), float(card.difficulty or 0))


def _rating(entry: Entry) -> Rating | None:
    if entry.topic and entry.kind == WEAK:
        return Rating.Again
    if not entry.topic or entry.kind != EXERCISE or not entry.total:
        return None
    if entry.right == entry.total:
        return Rating.Good
    return Rating.Hard if entry.right >= FAIR * entry.total else Rating.Again


def _card(last: Review | None) -> Card:
    if last is None:
        return Card(card_id=0)
    at = datetime.fromisoformat(last.at).astimezone(UTC)
    return Card(card_id=0, state=State.Review, stability=last.stability, difficulty=last.difficulty, due=at, last_review=at)
