"""A question that leans on the one before it, made whole by its words alone, for a device that serves no functions model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from pipeline.edge.tools.by_words import LONGEST, compiled, words


def whole_by_words(questions: Sequence[str]) -> str:
    """The last question, standing alone where it only names another day, place, holiday, unit or number of the one before it.

    "北京今天天气怎么样", "那明天呢？" -> "北京明天天气怎么样".  Anything else stays as it was said.
    """
    whole = ""
    for question in questions:
        whole = _leaning(question.strip(), whole) or question
    return whole


def _leaning(question: str, before: str) -> str | None:
    form, kinds = _forms()
    if max(len(question), len(before)) > LONGEST or not (found := form.fullmatch(question)):
        return None
    for kind in kinds:
        places = [*kind.finditer(before)] if kind.fullmatch(found["new"]) else []
        if places:
            return before[:places[-1].start()] + found["new"] + before[places[-1].end():]
    return None


@cache
def _forms() -> tuple[re.Pattern[str], tuple[re.Pattern[str], ...]]:
    return compiled(words()["follow_up"]), tuple(compiled(kind) for kind in words()["kinds"])
