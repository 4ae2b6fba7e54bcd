"""A course file as one looks for it."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("slides", "notes", "exercises", "lab", "exam", "syllabus")
"""课件, 讲义, 习题, 实验, 试卷, 大纲."""


@dataclass(frozen=True)
class Resource:
    """``course``: its full name.  ``chapter``: its number, 0 for a file of the whole course.  ``topics``: what it is about.

    ``path``: relative, COURSE/第03章 TITLE/NAME.ext.  ``text``: what stands in it, a passage (page, slide, section) each.
    """

    path: str
    course: str
    chapter: int
    title: str
    kind: str
    topics: tuple[str, ...]
    text: tuple[str, ...]
