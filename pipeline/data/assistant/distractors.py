"""Files of other courses, to search among: they share the words of the library and match no question's truth."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pipeline.data.assistant.courses import all_courses
from pipeline.data.assistant.library import say, words
from pipeline.data.assistant.resource import Resource
from pipeline.errors import EdgeError
from pipeline.yaml_file import read_yaml

MOST = 1_000_000
_CHAPTERS, _TOPICS = 12, 3
_WRITTEN = ("slides", "notes", "exercises", "lab")


def distractors(count: int, seed: int) -> Iterator[Resource]:
    """``count`` resources, one at a time, the same for a seed; the first n of more are those of n.  EdgeError for over a million."""
    if not 0 <= count <= MOST:
        raise EdgeError(f"expected 0 to {MOST:,} distractors, found {count:,}; ask for fewer")
    rng, courses, topics = random.Random(f"{seed}/distractors"), list(_courses()), list(_topics())
    rng.shuffle(courses)
    rng.shuffle(topics)
    for number in range(count):
        at, place = divmod(number, len(courses))
        yield _file(courses[place], place, at, topics, rng)


def _file(course: str, place: int, at: int, topics: list[str], rng: random.Random) -> Resource:
    """The ``at``-th file of the course at that ``place``; chapters go round, and with every round the kinds do."""
    edition, chapter = at // _CHAPTERS, (at + place) % _CHAPTERS
    written = _WRITTEN[(edition + place) % len(_WRITTEN)]
    first = (place * _CHAPTERS + chapter) * (_TOPICS + 1)
    title, *about = (topics[(first + step) % len(topics)] for step in range(_TOPICS + 1))
    said = {"course": course, "number": chapter + 1, "title": title, "topic": about[0]}
    stem, _, suffix = rng.choice(words()["names"][written]).format(**said).rpartition(".")
    name = f"{stem} {edition + 1}" if edition else stem
    text = [say("opening", written, rng, **said)]
    for n, topic in enumerate(about, start=1):
        text.append(say("passage", written, rng, topic=topic, next=about[n % _TOPICS], n=n))
    path = f"{course}/第{chapter + 1:02d}章 {title}/{name}.{suffix}"
    return Resource(path, course, chapter + 1, name, written, (title, *about), tuple(text))


@cache
def _courses() -> tuple[str, ...]:
    content = read_yaml(Path(__file__).with_name("distractors.yaml"))
    return tuple(f"{subject}{variant}" for subject in content["subjects"] for variant in content["variants"])


@cache
def _topics() -> tuple[str, ...]:
    """First and second words put together, but what has a name in it that a question may ask for."""
    content = read_yaml(Path(__file__).with_name("distractors.yaml"))
    asked = {name for course in all_courses() for chapter in course.chapters for name in (*course.names, *chapter.about)}
    made = (first + second for first in content["first"] for second in content["second"])
    return tuple(topic for topic in made if not any(name in topic for name in asked))
