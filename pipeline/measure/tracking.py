"""Whether questions about one's own learning are understood, and answered with what the record really says; and how fast."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.data.assistant.asking import ACTS, OPERATIONS
from pipeline.data.assistant.sample import Sample as Question
from pipeline.data.assistant.tasks import LEARNING_TRACKING
from pipeline.edge.assistant.named import CourseName
from pipeline.edge.assistant.record.entry import EXERCISE, SESSION, UNDO, Entry
from pipeline.edge.assistant.record.study import StudyRecord
from pipeline.edge.assistant.record.tracking import Tracking
from pipeline.edge.assistant.record.understanding import understand
from pipeline.measure.latency import ROUNDS, WARMUP
from pipeline.measure.measurement import Proportion, Sample
from pipeline.measure.student import NOW, Counted, filled, history
from pipeline.measure.waiting import waiting

ENTRIES, SEED, SHOWN = 400, 7, 50
_LISTED = 5  # topics that an answer names


def tracking(samples: Sequence[Question], courses: Sequence[CourseName]) -> Proportion:
    """1 a question of learning_tracking of which operation and all arguments are understood and whose answer states what an independent
    count of the entries says; what it records must be recorded, and nothing else.

    details: ``operations`` name -> [right, asked], ``wrong``: the first 50 with what was expected and found, ``wrong_count``.
    """
    asked = [sample for sample in samples if sample.task_type == LEARNING_TRACKING]
    with TemporaryDirectory() as folder, filled(Path(folder), ENTRIES, SEED) as record:
        judge = _Judge(record, courses)
        faults = [judge.fault_of(sample) for sample in asked]
    operations: dict[str, list[int]] = {}
    for sample, fault in zip(asked, faults, strict=True):
        counts = operations.setdefault(sample.expected["operation"], [0, 0])
        counts[0] += not fault
        counts[1] += 1
    wrong = [{"query": sample.query, "expected": sample.expected, **fault} for sample, fault in zip(asked, faults, strict=True) if fault]
    return Proportion("tracking", "proportion", {}, {"entries": ENTRIES, "now": NOW.isoformat()},
                      {"operations": operations, "wrong": wrong[:SHOWN], "wrong_count": len(wrong)}, "",
                      [int(not fault) for fault in faults], [sample.query for sample in asked])


class _Judge:
    """Asks one record question after question, and keeps its own account of the entries."""

    def __init__(self, record: StudyRecord, courses: Sequence[CourseName]) -> None:
        self._record, self._courses, self._entries = record, courses, list(history(ENTRIES, SEED))
        self._tracking = Tracking(record, lambda: courses, lambda: NOW)

    def fault_of(self, sample: Question) -> dict[str, Any]:
        """What is wrong with how the question was understood or answered; empty if nothing is."""
        truth = {name: value for name, value in sample.expected.items() if value is not None}
        found = understand(sample.query, self._courses)
        said = {"operation": found.name, **found.arguments} if found else {}
        answer = self._tracking.answer(sample.query).text
        recorded = self._recorded()
        if said != truth:
            self._entries += recorded  # what the record really has, so that one fault is one
            return {"found": said, "answer": answer}
        expected = self._expected_entries(truth, ago=int("昨" in sample.query and "今" not in sample.query))
        fragments = _of(expected[0]) if expected and expected[0].kind != UNDO else self._fragments(truth)
        self._entries += recorded
        missing = [fragment for fragment in fragments if not _states(answer, fragment)]
        if missing or recorded != expected:
            return {"found": said, "answer": answer, "missing": missing, "recorded": [repr(entry) for entry in recorded]}
        return {}

    def _recorded(self) -> list[Entry]:
        names = "number, at, kind, course, chapter, topic, minutes, total, right, undoes"
        return [Entry(*row) for row in self._record.ask(f"SELECT {names} FROM entry WHERE number > ?", (len(self._entries),))]

    def _expected_entries(self, truth: dict[str, Any], ago: int) -> list[Entry]:
        kind = OPERATIONS[truth["operation"]].records
        fields = {name: value for name, value in truth.items() if name != "operation"}
        standing = Counted(self._entries).standing
        if kind == UNDO and standing:
            fields = {"undoes": standing[-1].number}
        at = NOW if kind == UNDO else NOW - timedelta(ago)
        return [Entry(len(self._entries) + 1, at.isoformat(), kind, **fields)] if kind else []

    def _fragments(self, truth: dict[str, Any]) -> list[str]:
        """What the answer must state: each value with the words that say what it is, so that no other figure can stand for it."""
        counted, today, course, operation = Counted(self._entries), NOW.date(), truth.get("course"), truth["operation"]
        if operation == "undo":
            return _of(counted.standing[-1])
        if operation in ("time_spent", "accuracy"):
            minutes, total, right = counted.during(truth["period"], today, course)
            if operation == "time_spent":
                return [f"{minutes} 分钟" if minutes else "没有"]
            return [_exercises(total, right), f"正确率 {100 * right / total:.0f}%"] if total else ["没有"]
        if operation == "progress":
            done = counted.finished(course)
            return [part for name, chapters in done.items()
                    for part in (f"{name}学完 {len(chapters)} 章", f"第 {'、'.join(map(str, chapters))} 章")] or ["没有"]
        if operation == "streak":
            days = counted.streak(today)
            return [f"连续学习 {days} 天" if days else "没有"]
        if operation == "last_studied":
            studied = counted.days(course)
            return [_written(max(studied))] if studied else ["没有"]
        topics = counted.weak(course) if operation == "weak_points" else counted.due(today, course)
        return [f"有 {len(topics)} 个", *(topic for _, topic in topics[:_LISTED])] if topics else ["没有"]


def _of(entry: Entry) -> list[str]:
    """What a confirmation of the entry must state."""
    figures = {SESSION: f"{entry.minutes} 分钟", EXERCISE: _exercises(entry.total, entry.right)}
    chapter = f"第 {entry.chapter} 章" if entry.chapter else ""
    return [*filter(None, (entry.course, entry.topic, chapter, figures.get(entry.kind))), _written(date.fromisoformat(entry.day))]


def _exercises(total: int, right: int) -> str:
    return f"{total} 道，对 {right} 道，错 {total - right} 道"


def _written(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _states(answer: str, fragment: str) -> bool:
    """A figure from its first digit to its last."""
    return re.search(rf"(?<!\d){re.escape(fragment)}", answer) is not None


def progress_time(record: StudyRecord, courses: Sequence[CourseName], questions: Sequence[str], *, warmup: int = WARMUP,
                  rounds: int = ROUNDS) -> Sample:
    """`waiting` for the answers to questions about one's progress; those that record something are left out.  The items are the entries."""
    asking = [question for question in questions if (found := understand(question, courses)) and found.name not in ACTS]
    entries = record.ask("SELECT max(number) FROM entry")[0][0] or 0
    handler = Tracking(record, lambda: courses, lambda: NOW)
    return waiting("progress_time", handler.answer, asking, items=entries, warmup=warmup, rounds=rounds)
