"""What files and cards tell of a course is known, and changes with them."""

from __future__ import annotations

from pathlib import Path

from pipeline.data.assistant.courses import all_courses
from pipeline.data.assistant.library import resources
from pipeline.data.assistant.resource import Resource
from pipeline.edge.assistant.cards import of_courses
from pipeline.edge.assistant.known_courses import KnownCourses
from pipeline.edge.assistant.library.index import Index


def test_chapters_and_topics_of_every_course_are_known(tmp_path: Path) -> None:
    with Index.open(tmp_path / "i.sqlite") as index:
        index.add(resources())
        known = {course.name: course for course in KnownCourses(index, of_courses(all_courses()))()}
    for course in all_courses():
        assert known[course.name].chapters == tuple(chapter.title for chapter in course.chapters)
        assert {card.term for chapter in course.chapters for card in chapter.cards} <= set(known[course.name].topics)


def test_a_new_folder_is_known_at_once_and_a_chapter_that_is_missing_is_not_made_up(tmp_path: Path) -> None:
    def file(chapter: str, number: int) -> Resource:
        return Resource(f"天文学/{chapter}/a.pdf", "天文学", number, "a", "notes", (), ("星",))

    with Index.open(tmp_path / "i.sqlite") as index:
        known = KnownCourses(index, ())
        assert known() == ()
        index.add([file("第01章 太阳系", 1)])
        assert [(course.chapters, course.topics) for course in known()] == [(("太阳系",), ("太阳系",))]
        index.add([file("第03章 星系", 3)])
        assert [(course.chapters, course.topics) for course in known()] == [((), ("太阳系", "星系"))]
