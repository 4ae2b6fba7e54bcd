"""The truth of a sample (``Sample.expected``): what it may say, and what satisfies it.

- course_resource: ``{"course", "chapter", "topic", "kind"}``, each null where the question does not state it; the right files are those
  that match all that is stated.
- learning_tracking: ``{"operation", arguments}``; an optional argument is left out where it is not said.
- simple_qa: ``{"card": term, "aspect", "course"}``, the course in full, said or not.
- complex_reasoning: ``{}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.data.assistant.asking import OPERATIONS, PERIODS
from pipeline.data.assistant.courses import Course, all_courses
from pipeline.data.assistant.library import resources
from pipeline.data.assistant.resource import KINDS, Resource
from pipeline.data.assistant.sample import Sample
from pipeline.data.assistant.tasks import COURSE_RESOURCE, LEARNING_TRACKING, SIMPLE_QA

STATED = ("course", "chapter", "topic", "kind")


def matches(expected: Mapping[str, Any], resource: Resource) -> bool:
    """Whether the file is one of those that a course_resource question asks for."""
    stated = {name: expected[name] for name in STATED if expected.get(name) is not None}
    return all(value in resource.topics if name == "topic" else value == getattr(resource, name) for name, value in stated.items())


def flaw(sample: Sample) -> str | None:
    """What is wrong with the sample's truth, as "expected ..., found ..."; None where something can satisfy it."""
    check = {COURSE_RESOURCE: _of_resource, LEARNING_TRACKING: _of_tracking, SIMPLE_QA: _of_card}.get(sample.task_type, _of_nothing)
    return check(sample.expected) or _unsaid(sample)


def _of_resource(expected: Mapping[str, Any]) -> str | None:
    if set(expected) != set(STATED):
        return f"expected the fields {', '.join(STATED)}, found {', '.join(expected) or 'none'}"
    if expected["course"] is None and expected["topic"] is None:
        return "expected a course or a topic to be stated, found neither"
    if expected["kind"] is not None and expected["kind"] not in KINDS:
        return f"expected a kind of {', '.join(KINDS)}, found {expected['kind']!r:.40}"
    if not any(matches(expected, resource) for resource in resources()):
        return f"expected a file of the library that matches, found none for {dict(expected)}"
    return None


def _of_tracking(expected: Mapping[str, Any]) -> str | None:
    operation = expected.get("operation")
    if not isinstance(operation, str) or operation not in OPERATIONS:
        return f"expected an operation of {', '.join(OPERATIONS)}, found {operation!r:.40}"
    arguments, found = OPERATIONS[operation], set(expected) - {"operation"}
    if not set(arguments.needed) <= found <= set(arguments.names):
        return (f"expected the arguments {', '.join(arguments.needed) or 'none'} of {operation}, and of further ones at most "
                f"{', '.join(arguments.optional) or 'none'}, found {', '.join(sorted(found)) or 'none'}")
    return next((f"expected {rule}, found {expected[name]!r:.40} as {name}" for name, (rule, holds) in _VALUES.items()
                 if name in found and not holds(expected)), None)


def _count(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _course(name: Any) -> Course | None:
    return next((course for course in all_courses() if course.name == name), None)


_VALUES = {
    "minutes": ("1 to 1,440 minutes of a session", lambda said: _count(said["minutes"], 1, 1440)),
    "total": ("1 to 1,000 exercises", lambda said: _count(said["total"], 1, 1000)),
    "right": ("no more exercises right than were done", lambda said: _count(said["right"], 0, said["total"])),
    "period": (f"a period of {', '.join(PERIODS)}", lambda said: said["period"] in PERIODS),
    "course": ("the full name of a course", lambda said: _course(said["course"]) is not None),
    "chapter": ("the number of a chapter of the course",
                lambda said: (course := _course(said.get("course"))) is not None and _count(said["chapter"], 1, len(course.chapters))),
    "topic": ("a topic in words", lambda said: isinstance(said["topic"], str) and bool(said["topic"].strip())),
}


def _of_card(expected: Mapping[str, Any]) -> str | None:
    if set(expected) != {"card", "aspect", "course"}:
        return f"expected the fields card, aspect, course, found {', '.join(expected) or 'none'}"
    course = _course(expected["course"])
    cards = [card for chapter in course.chapters for card in chapter.cards if card.term == expected["card"]] if course else []
    if not any(expected["aspect"] in tuple(card.facts) for card in cards):
        return f"expected a card that says so, found none for {dict(expected)}"
    return None


def _of_nothing(expected: Mapping[str, Any]) -> str | None:
    return f"expected an empty truth for what goes to the cloud, found {dict(expected)}" if expected else None


def _unsaid(sample: Sample) -> str | None:
    """Names of the truth must stand in the question, by a name that they have."""
    said, truth = sample.query.lower(), sample.expected
    course = _course(truth.get("course"))
    if course and sample.task_type != SIMPLE_QA and not any(name.lower() in said for name in course.names):
        return f"expected the course {course.name} to be named, found no name of it"
    if (topic := truth.get("topic")) and topic.lower() not in said:
        return f"expected the topic {topic} to be named, found it nowhere"
    names = [name for one in all_courses() for chapter in one.chapters for card in chapter.cards if card.term == truth.get("card")
             for name in (card.term, *card.aliases)]
    if names and not any(name.lower() in said for name in names):
        return f"expected the card {truth['card']} to be named, found no name of it"
    return None
