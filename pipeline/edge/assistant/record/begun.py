"""A course called by how its name begins, where what follows is what follows a course: 有机刷了10道, but not 有机会 or 有机物."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from pipeline.edge.assistant.named import CourseName
from pipeline.edge.assistant.record.examples import topic_names
from pipeline.edge.assistant.record.marks import COURSE
from pipeline.edge.assistant.record.ngrams import END, NGrams

LEAST = -8.5  # as a log likelihood, of what follows
_UNSEEN = "\0"  # whatever stands before it
_BEGINNING = re.compile("(?!大学|应用|工程|分析)(..)(?:化学|物理|数学|代数|几何|力学|函数|统计|经济学)")


def begun(text: str, courses: Sequence[CourseName], talk: NGrams) -> tuple[CourseName, str] | None:
    """The course that a text as `marked` has it names so, and its beginning; None where it names none.  ``talk``: has `COURSE`."""
    beginnings = {course: found[1] for course in courses if (found := _BEGINNING.fullmatch(course.name))}
    shared = Counter(beginnings.values())
    for course, beginning in beginnings.items():
        if beginning in text and any(beginning in topic and topic in text for topic in (*course.topics, *topic_names())):
            continue
        # 有机会 is a word, though 有机会了 might be said of a course
        for found in re.finditer(f"{beginning}(?!会)", text):
            follows = text[found.end():found.end() + 1].lower() or END
            if shared[beginning] == 1 and talk.log(_UNSEEN + COURSE, follows) > LEAST:
                return course, beginning
    return None
