"""What the student's files and cards tell of the courses: their names, chapters and topics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from pipeline.edge.assistant.cards import StudentCard
from pipeline.edge.assistant.library.filing import chapter_title
from pipeline.edge.assistant.library.index import Index
from pipeline.edge.assistant.named import CourseName


class KnownCourses:
    """Called, it gives the courses of an index as they are now; what was put together is kept until the index changes."""

    def __init__(self, index: Index, cards: Iterable[StudentCard]) -> None:
        self._index, self._terms = index, defaultdict[str, list[str]](list)
        for card in cards:
            self._terms[card.course] += [card.term, *card.aliases]
        self._of: tuple[CourseName, ...] = ()
        self._known: tuple[CourseName, ...] = ()

    def __call__(self) -> tuple[CourseName, ...]:
        """Topics are the titles of chapters, and the terms of the course's cards."""
        named = self._index.courses()
        if named is not self._of:
            titles = self._titles()
            self._of, self._known = named, tuple(self._told(course, titles[course.name]) for course in named)
        return self._known

    def _told(self, course: CourseName, titles: dict[int, str]) -> CourseName:
        whole = all(titles.get(number) for number in range(1, len(titles) + 1))  # else one is missing, and how many there are is not known
        return replace(course, chapters=tuple(titles[number] for number in sorted(titles)) if whole else (),
                       topics=tuple(dict.fromkeys((*filter(None, titles.values()), *self._terms[course.name]))))

    def _titles(self) -> defaultdict[str, dict[int, str]]:
        titles: defaultdict[str, dict[int, str]] = defaultdict(dict)
        for name, chapter, path in self._index.read(
                "SELECT c.name, r.chapter, min(r.path) FROM resources r JOIN courses c ON c.id = r.course WHERE r.chapter > 0 "
                "GROUP BY r.course, r.chapter"):
            titles[name][chapter] = chapter_title(path)
        return titles
