"""The files that a student of the courses would have: slides, notes, exercises and laboratories by chapter, exams and syllabus."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.data.assistant.courses import Chapter, Course, all_courses
from pipeline.data.assistant.resource import Resource
from pipeline.yaml_file import read_yaml

_OWN_TOPICS, _EXAM_TOPICS = 3, 1  # what of a chapter the student's own notes speak of, and an exam


@cache
def words() -> dict[str, Any]:
    """What stands in course files, and how they are called."""
    return read_yaml(Path(__file__).with_name("library.yaml"))


@cache
def resources() -> tuple[Resource, ...]:
    """All files of all courses, by course and chapter; always the same ones."""
    return tuple(resource for course in all_courses() for resource in _of_course(course, random.Random(course.name)))


def _of_course(course: Course, rng: random.Random) -> Iterator[Resource]:
    for number, chapter in enumerate(course.chapters, start=1):
        folder = f"{course.name}/第{number:02d}章 {chapter.title}"
        for written, topics in _of_chapter(chapter, rng):
            said = {"course": course.name, "number": number, "title": chapter.title, "topic": topics[0]}
            name = rng.choice(words()["names"][written]).format(**said)
            kind = written.removeprefix("own_")
            passages = (say("opening", written, rng, **said), *_passages(written, topics, chapter, rng))
            yield Resource(f"{folder}/{name}", course.name, number, name.rpartition(".")[0], kind, (chapter.title, *topics), passages)
    for kind, name in words()["whole"]:
        yield _of_whole(course, kind, name.format(course=course.name), rng)


def _of_chapter(chapter: Chapter, rng: random.Random) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What is written for the chapter, and of which topics."""
    yield "slides", chapter.topics
    yield "notes", chapter.topics
    yield "own_notes", tuple(rng.sample(chapter.topics, min(_OWN_TOPICS, len(chapter.topics))))
    yield "exercises", chapter.topics
    if chapter.lab:
        yield "lab", (chapter.lab,)


def _of_whole(course: Course, kind: str, name: str, rng: random.Random) -> Resource:
    topics = tuple(chapter.title if kind == "syllabus" else topic for chapter in course.chapters
                   for topic in rng.sample(chapter.topics, _EXAM_TOPICS))
    text = (say("opening", kind, rng, course=course.name),
            *(say("passage", kind, rng, topic=topic, n=number) for number, topic in enumerate(topics, start=1)))
    return Resource(f"{course.name}/{name}", course.name, 0, name.rpartition(".")[0], kind, topics, text)


def _passages(written: str, topics: Sequence[str], chapter: Chapter, rng: random.Random) -> Iterator[str]:
    if written == "lab":
        yield from (phrase.format(topic=topics[0]) for phrase in words()["passage"]["lab"])
        return
    facts = [fact for card in chapter.cards for fact in _facts(card.term, card.facts)] if written in ("slides", "notes") else []
    for number, topic in enumerate(topics, start=1):
        others = [other for other in topics if other != topic] or [topic]
        said = say("passage", written, rng, topic=topic, next=rng.choice(others), n=number)
        yield said + "".join(facts[number - 1::len(topics)])


def _facts(term: str, facts: dict[str, str]) -> Iterator[str]:
    return (words()["fact"][aspect].format(term=term, fact=fact) for aspect, fact in facts.items())


def say(part: str, kind: str, rng: random.Random, **said: Any) -> str:
    """A sentence of that part of such a file."""
    return rng.choice(words()[part][kind]).format(**said)
