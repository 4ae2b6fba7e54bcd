"""How students shorten a course's name: 高等数学 is 高数, 细胞生物学 is 细生, 中国近代史 is 近代史, 概率论与数理统计 is 概率论."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from pipeline.edge.assistant.named import CourseName

_JOINT = re.compile("[与和及、]")
_LEFT_OUT = re.compile("^(?:中国|大学|普通)|(?:(?<![化数力文哲])学|概论|导论|引论|基础|原理)$")
_LEAST = 3  # characters that are left: 电磁 or 编译 begins what has nothing to do with the course


def abbreviated(courses: Sequence[CourseName]) -> tuple[CourseName, ...]:
    """The courses, each with those abbreviations as aliases that could mean no other of them."""
    short = {course.name: dict.fromkeys(_short(course.name)) for course in courses}
    meant = Counter(name for names in short.values() for name in names)
    meant.update(name for course in courses for name in {course.name, *course.aliases})
    return tuple(CourseName(course.name, (*course.aliases, *(name for name in short[course.name] if meant[name] == 1)))
                 for course in courses)


def _short(name: str) -> Iterator[str]:
    if len(name) < 3 or name.isascii():
        return
    core = name[:-1] if name.endswith("学") and len(name) > 4 else name
    if len(core) > 3:
        yield core[0] + core[-2]
    if len(core := _LEFT_OUT.sub("", name)) >= _LEAST and core != name:
        yield core
    parts = _JOINT.split(name)
    yield from (part for part in parts if len(parts) > 1 and len(part) > 2)
