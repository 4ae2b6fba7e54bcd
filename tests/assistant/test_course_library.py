"""The files of the courses, and those of others to search among."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path

import pytest

from pipeline.data.assistant.courses import all_courses
from pipeline.data.assistant.distractors import distractors
from pipeline.data.assistant.generate import generate
from pipeline.data.assistant.library import resources
from pipeline.data.assistant.resource import KINDS, Resource
from pipeline.data.assistant.sample import read_samples
from pipeline.data.assistant.truth import matches
from pipeline.errors import EdgeError

SAID = {"slides": "课件|PPT", "notes": "讲义|笔记", "exercises": "习题|作业", "lab": "实验", "exam": "试卷|真题", "syllabus": "大纲"}
NONE = {"course": None, "chapter": None, "topic": None, "kind": None}


def kinds_said(resource: Resource) -> list[str]:
    return [kind for kind, words in SAID.items() if re.search(words, resource.path)]


def test_every_chapter_has_its_files() -> None:
    assert len(resources()) > 300 and len({resource.path for resource in resources()}) == len(resources())
    kinds: dict[tuple[str, int], set[str]] = defaultdict(set)
    for resource in resources():
        kinds[resource.course, resource.chapter].add(resource.kind)
    for course in all_courses():
        assert kinds[course.name, 0] == {"exam", "syllabus"}
        for number, chapter in enumerate(course.chapters, start=1):
            assert kinds[course.name, number] >= {"slides", "notes", "exercises"}
            assert ("lab" in kinds[course.name, number]) == bool(chapter.lab)
    assert {kind for found in kinds.values() for kind in found} == set(KINDS)


@pytest.mark.parametrize("files", [resources(), tuple(distractors(500, 3))], ids=["library", "distractors"])
def test_a_file_is_what_its_path_and_text_say(files: tuple[Resource, ...]) -> None:
    for resource in files:
        folders = resource.path.split("/")
        assert folders[0] == resource.course and Path(folders[-1]).stem == resource.title
        assert kinds_said(resource) == [resource.kind], resource.path
        assert (re.fullmatch(r"第(\d\d)章 .+", folders[1]) or ["", 0])[1] == (f"{resource.chapter:02d}" if resource.chapter else 0)
        assert Path(resource.path).suffix in (".pptx", ".pdf", ".docx", ".md")
        said = "\n".join((resource.path, *resource.text))
        assert not [topic for topic in resource.topics if topic not in said] and not re.search(r"\{[a-z]+\}|\\n", said)


def test_cards_stand_in_the_slides_and_notes() -> None:
    text = "\n".join(passage for resource in resources() if resource.kind == "notes" for passage in resource.text)
    assert not [fact for course in all_courses() for chapter in course.chapters for card in chapter.cards
                for fact in card.facts.values() if fact not in text]


def test_distractors_are_the_same_for_a_seed_and_lazy() -> None:
    few, more = list(distractors(50, 3)), distractors(1_000_000, 3)
    assert list(islice(more, 50)) == few != list(distractors(50, 4))
    assert len({resource.path for resource in distractors(30_000, 3)}) == 30_000


def test_a_million_take_less_than_a_minute() -> None:
    started = time.process_time()
    assert sum(1 for _ in distractors(20_000, 3)) == 20_000
    assert time.process_time() - started < 60 * 20_000 / 1_000_000


def test_distractors_match_nothing_that_is_asked(tmp_path: Path) -> None:
    asked = [sample for path in generate(tmp_path, challenge=300).values() for sample in read_samples(path)]
    others = list(distractors(6000, 3))
    topics = {topic for resource in others for topic in resource.topics}
    courses = {resource.course for resource in others}
    text = "\n".join(line for resource in others for line in (resource.path, *resource.text))
    assert not [name for course in all_courses() for chapter in course.chapters for name in chapter.about if name in text]
    assert len(courses) == 2000 and not courses & {course.name for course in all_courses()}
    for sample in asked:
        assert not [course for course in courses if course in sample.query], sample.query
        assert sample.expected.get("topic") not in topics and sample.expected.get("course") not in courses
    stated = [sample.expected for sample in asked if sample.task_type == "course_resource"][::10]
    assert not [one for one in stated for resource in others[::10] if matches(one, resource)]


def test_distractors_share_the_library_s_words() -> None:
    """Else they would be no harder to search among than noise."""
    def words(files: tuple[Resource, ...]) -> Counter[str]:
        return Counter(text[i:i + 2] for resource in files for text in resource.text for i in range(len(text) - 1))
    ours, theirs = words(resources()), words(tuple(distractors(2000, 3)))
    assert sum(count for word, count in ours.items() if word in theirs) > 0.5 * sum(ours.values())


def test_too_many_are_refused() -> None:
    with pytest.raises(EdgeError, match="expected 0 to 1,000,000 distractors, found 1,000,001"):
        next(distractors(1_000_001, 3))


def test_all_that_is_stated_must_match() -> None:
    slides = next(resource for resource in resources() if resource.kind == "slides")
    right = {"course": slides.course, "chapter": slides.chapter, "topic": slides.topics[1], "kind": "slides"}
    assert matches(right, slides) and matches(NONE | {"course": slides.course}, slides)
    for name, wrong in (("course", "x"), ("chapter", 99), ("topic", "x"), ("kind", "lab")):
        assert not matches({**right, name: wrong}, slides), name
