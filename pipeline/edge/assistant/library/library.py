"""Answers questions about the student's course files: where they are, and what stands there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.edge.assistant.library.finding import Found, find_nearest
from pipeline.edge.assistant.library.index import Index
from pipeline.edge.assistant.library.request import Request, request_of
from pipeline.edge.assistant.library.terms import normal
from pipeline.edge.assistant.reply import Reply

_WORD = re.compile(r"[\w.,]{2}", re.ASCII)
SHOWN, SNIPPET = 3, 40  # files; characters of what stands there
OPENING = "找到这些："
NEAREST = {  # what is not as was asked -> how that is said; of words mildly: often they are but chat
    "course": "这门课里没有找到，别的课里相近的有：",
    "chapter": "这一章里没有找到，相近的有：",
    "kind": "没有这一类文件，相近的有：",
    "words": "只按课程、章节和类型找到这些：",
}
NOTHING = "在你的课程文件里没有找到。可以换个说法，或者先导入课程文件夹。"


@dataclass(frozen=True)
class Library:
    """The handler of course resources."""

    index: Index

    def answer(self, question: str) -> Reply:
        """The best few files with path and place; says so where they are not all that was asked."""
        request = request_of(question, self.index.courses())
        found, unmet = find_nearest(self.index, request, SHOWN)
        if not found:
            return Reply(NOTHING, found=False)
        opening = next((said for name, said in NEAREST.items() if name in unmet), OPENING)
        lines = [opening, *(_line(one, request) for one in found)]
        facts = [fact for one in found for fact in (one.path, one.place, " ".join(one.passage.split())) if fact]
        return Reply("\n".join(lines), tuple(facts))


def _line(one: Found, request: Request) -> str:
    """What a file says stands in brackets on the same line, so that nothing in it can pass for a part of the answer."""
    said = _snippet(one.passage, request.words).translate(str.maketrans("「」", "『』"))
    return f"· {one.path}" + (f"（{one.place}）" if one.place else "") + (f"：「{said}」" if said else "")


def _snippet(passage: str, words: tuple[str, ...]) -> str:
    """What stands around the first of the words, on one line."""
    text = " ".join(passage.split())
    said = normal(text)
    first = min((at for word in words if (at := said.find(word)) >= 0), default=0) if len(said) == len(text) else 0
    since = _between_words(text, max(0, first - SNIPPET // 4), 1)
    until = max(since, _between_words(text, min(len(text), since + SNIPPET), -1))
    return ("…" if since else "") + text[since:until].strip() + ("…" if until < len(text) else "")


def _between_words(text: str, at: int, step: int) -> int:
    """The nearest place that way where no number or Latin word is cut: 42 is not what 1842 says."""
    while 0 < at < len(text) and _WORD.fullmatch(text[at - 1:at + 1]):
        at += step
    return at
