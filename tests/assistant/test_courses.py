"""The courses: one name means one thing, so that a question can be judged by its words."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest

from pipeline.data.assistant.asking import ASPECTS
from pipeline.data.assistant.courses import Course, all_courses, held_out_in
from pipeline.errors import EdgeError
from pipeline.yaml_file import read_model

COURSES = {course.name: course for course in all_courses()}


def test_how_much_there_is() -> None:
    assert len(COURSES) >= 9 and sum(course.held_out for course in COURSES.values()) >= 3
    for course in COURSES.values():
        assert 6 <= len(course.chapters) <= 8, course.name
        for chapter in course.chapters:
            assert 4 <= len(chapter.topics) <= 6 and 2 <= len(chapter.cards) <= 4, (course.name, chapter.title)
            assert chapter.lab is None or chapter.lab in chapter.topics
            assert all(0 < len(card.facts) <= 4 and set(card.facts) <= set(ASPECTS) for card in chapter.cards)


def test_a_term_or_alias_is_of_one_card() -> None:
    names = Counter(name for course in COURSES.values() for chapter in course.chapters for card in chapter.cards
                    for name in (card.term, *card.aliases))
    assert [name for name, count in names.items() if count > 1] == []


def test_a_topic_or_title_is_of_one_chapter() -> None:
    names = Counter(name for course in COURSES.values() for chapter in course.chapters for name in chapter.about)
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("name", COURSES)
def test_no_topic_hides_in_one_of_another_chapter(name: str) -> None:
    for one, other in permutations(COURSES[name].chapters, 2):
        assert not [(mine, its) for mine in one.topics for its in other.about if mine in its]


def test_the_name_of_a_course_stands_in_no_other_word() -> None:
    """A question that names a topic or a card must not seem to name a course."""
    for course in COURSES.values():
        for name in course.names:
            assert not [word for other in COURSES.values() for word in other.words if name in word], name


def test_no_held_out_name_stands_in_a_word_of_another_course() -> None:
    """A question about the other would seem to leak it."""
    assert not [word for course in COURSES.values() if not course.held_out for word in course.words if held_out_in(word)]


def test_names_of_held_out_courses_are_seen() -> None:
    assert held_out_in("有机化学第三章") == ["有机化学", "有机"]
    assert held_out_in("什么是数学期望") == ["数学期望"]
    assert held_out_in("高等数学的梯度") == []


def test_a_mistake_in_a_course_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("name: x\nchapters:\n- {title: a, topics: [b], cards: [{term: c, facts: {unit: 3}}]}\n", encoding="utf-8")
    with pytest.raises(EdgeError, match=r"x\.yaml: chapters\.0\.cards\.0\.facts\.unit"):
        read_model(path, Course)
