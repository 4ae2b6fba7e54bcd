"""What goes to the cloud: the question, the few passages of the student's files that match it, and no more."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from pipeline.edge.assistant.reply import Reply
from pipeline.yaml_file import read_yaml

LONGEST_LINE = 300  # characters of what the record says


class Passage(Protocol):
    """A place in a file of the student's."""

    @property
    def title(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def passage(self) -> str: ...


@dataclass(frozen=True)
class Sent:
    """``messages``: as the cloud gets them.  ``sources``: what went along with the question, for the student to see."""

    messages: list[dict[str, str]]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class CloudContext:
    """``find``: the best passages for a question.  ``tell``: what the study record says to an operation (name, arguments) that reads.

    At most ``passages`` of them go along, of at most ``characters`` in all, and lines of the record only where the question is about
    the student's own learning.  0 passages or no ``tell`` send none.
    """

    find: Callable[[str, int], Sequence[Passage]] | None = None
    tell: Callable[[str, dict[str, Any]], Reply] | None = None
    passages: int = 3
    characters: int = 1200

    def of(self, question: str) -> Sent:
        """The messages.  What is not the question stands behind it as JSON, which nothing within it can end."""
        files, lines = list(self._files(question)), list(self._lines(question))
        parts = [question.strip(), *(f"{name}：{json.dumps(content, ensure_ascii=False)}"
                                     for name, content in (("资料", files), ("学习记录", lines)) if content)]
        messages = [{"role": "system", "content": str(_words()["system"])}, {"role": "user", "content": "\n\n".join(parts)}]
        return Sent(messages, (*(" ".join(filter(None, (one["标题"], one["位置"]))) for one in files), *lines))

    def _files(self, question: str) -> Iterator[dict[str, str]]:
        room = self.characters
        for found in self.find(question, self.passages)[:self.passages] if self.find and self.passages else ():
            text = " ".join(found.passage.split())[:min(room, self.characters // max(1, self.passages))]
            if text:
                room -= len(text)
                yield {"标题": found.title[:80], "位置": found.place[:40], "内容": text}

    def _lines(self, question: str) -> Iterator[str]:
        if self.tell and about_own_learning(question):
            for operation in _words()["record"]:
                if (reply := self.tell(operation["name"], operation["arguments"])).found:
                    yield reply.text[:LONGEST_LINE]


def about_own_learning(question: str) -> bool:
    """Whether the question asks about the student's own learning."""
    return any(re.search(pattern, question) for pattern in _words()["own_learning"])


@cache
def _words() -> dict[str, Any]:
    return read_yaml(Path(__file__).with_name("cloud_context.yaml"))
