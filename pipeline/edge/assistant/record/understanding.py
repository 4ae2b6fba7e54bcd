"""What a question wants of the study record: an operation and its arguments, by keywords in their order (understanding.yaml)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.edge.assistant.named import CHAPTER, CourseName, chapter_in, course_in, normalised, pattern_of
from pipeline.edge.assistant.record.counts import counts_in
from pipeline.edge.assistant.record.durations import minutes_in, without_durations
from pipeline.edge.assistant.record.topic import ANCHOR, BREAK, TopicWords, topic_in
from pipeline.yaml_file import read_model

LONGEST = 200  # characters of a question that are looked at
Words = tuple[Annotated[str, Field(min_length=1)], ...]
Said = Literal["course", "chapter", "duration", "counts", "right", "question", "topic", "beside"]
Name = Literal["log_session", "log_exercise", "mark_weak", "finish_chapter", "undo", "time_spent", "progress", "streak", "accuracy",
               "weak_points", "review_due", "last_studied"]
NOT_MASTERED = "不会"
_LEARN = "(?:学习?|搞|弄|整|看|听|读|记|背|做|写|算|用|说|讲|解释|理解|领会|掌握|吃|想|悟|啃|分|辨|区分|捋|理|消化|运用|推导?)"
_MASTERED = "(?:懂|会(?!儿)|透|清楚?|明白|通|熟练?|扎实|牢固?|稳|利索|到位|出来|动|好|对(?![应称数])|顺|上手|住|开)"
# Of these many a topic ends in one (定理, 积分, 应用, 力学): then it is no verb.
_ALSO_A_NOUN = ("(?:做|写|算|背|记|读|想|说|讲|解释|整|推导?|(?<![定原物推管处整心伦代])理|(?<![微积部成得差])分|(?<![应作效复费使])用|"
                "(?<![力化数电磁科哲文大光热])学)")
# 没有完全搞明白, 理解不到位, 学得不太扎实, 背了就忘: what was tried, and how it did not come out.
_FAILING = re.compile(
    f"(?:还|都|并|也|总|老|总是|老是)?(?:没有?|未)(?:怎么|太|完全|真正|彻底|能|很|大)*{_LEARN}得?{_MASTERED}|"
    f"{_LEARN}得(?:还|都|并|也)?不(?:是|太|大|怎么|够|很)*{_MASTERED}|"
    f"(?:搞|弄|看|听|悟|啃|捋|辨|区分|吃|消化|理解|领会)不(?:太|大)?{_MASTERED}|"
    f"{_ALSO_A_NOUN}不(?:太|大)?(?:对(?![应称数])|出来?|好|住|牢|清楚?|明白|利索|顺|上手|透|通|动|懂)|(?<=[都也还老总是])学不会|"
    "[学背记看做](?:了|完)(?:就|又|也|还)(?:全|都|老)?(?:忘光?|错)了?|[记背]了忘忘了[记背]|每?做必错|总是?错|一窍不通|一塌糊涂|马马虎虎|"
    r"(?:很|太|好|比较|有点|特别|非常|超级?|[\s，,：:])[弱差烂渣](?=[，,。！!\s]|$)|(?<![强薄最微减衰较])弱(?=[！!。]?$)")


@dataclass(frozen=True)
class Operation:
    """``name``: one of `Name`; ``arguments``: those that were said."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


class Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: Name
    words: Words = ()
    also: Words = ()
    without: Words = ()
    needs: tuple[Said, ...] = ()
    lacks: tuple[Said, ...] = ()

    def holds(self, text: str, said: set[str]) -> bool:
        return (all(any(word in text for word in words) for words in (self.words, self.also) if words)
                and not any(word in text for word in self.without) and said.issuperset(self.needs) and said.isdisjoint(self.lacks))


class Lexicon(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    misheard: dict[str, str]
    periods: dict[str, Words]
    ago: Words
    question: Words
    explain: Words
    weak: Words
    marks: Words
    rules: tuple[Rule, ...]
    topics: TopicWords

    def spelt_out(self) -> Lexicon:
        """The rules with the words of <weak> and <marks>; a word of time is no topic; all that is stripped, the longest first."""
        lists = {"<weak>": self.weak, "<marks>": self.marks}
        rules = tuple(rule.model_copy(update={name: _spelt_out(getattr(rule, name), lists) for name in ("words", "also")})
                      for rule in self.rules)
        times = (*self.ago, *(word for words in self.periods.values() for word in words))
        beside = (*self.topics.beside, *times)
        topics = TopicWords(nothing=(*self.topics.nothing, *beside), beside=beside, before=_longest_first((*self.topics.before, *beside)),
                            after=_longest_first((*self.topics.after, *beside)))
        return self.model_copy(update={"rules": rules, "topics": topics})


def _longest_first(words: Words) -> Words:
    return tuple(sorted(words, key=len, reverse=True))


def _spelt_out(words: Words, lists: dict[str, Words]) -> Words:
    return tuple(one for word in words for one in lists.get(word, (word,)))


@cache
def lexicon() -> Lexicon:
    return read_model(Path(__file__).with_name("understanding.yaml"), Lexicon).spelt_out()


def understand(question: str, courses: Sequence[CourseName]) -> Operation | None:
    """The operation that the question asks for; None where no rule holds."""
    text = normalised(question[:LONGEST]).strip()[:LONGEST]
    for wrong, right in {**lexicon().misheard, ANCHOR: "", BREAK: ""}.items():
        text = text.replace(wrong, right)
    course, counts = course_in(text, courses), counts_in(without_durations(text))
    text, counted = _failing(text), _failing(counts.rest)
    topics = _topics(text, counted, course, [course] if course else courses)
    known = {
        "course": course.name if course else None, "chapter": chapter_in(text), "minutes": minutes_in(text), "total": counts.total,
        "right": counts.right, "period": _period(text), "topic": None,
    }
    said = {name for name, value in {
        "course": course, "chapter": known["chapter"], "duration": known["minutes"], "counts": counts.total, "right": counts.right,
        "topic": topics["mark_weak"], "beside": topics["beside"], "question": asks(text) or None}.items() if value is not None}
    rule = next((rule for rule in lexicon().rules if rule.holds(text, said)), None)
    if rule is None or (rule.operation in ACTS and any(word in text for word in lexicon().explain)):
        return None
    known["topic"] = topics.get(rule.operation)
    return Operation(rule.operation, {name: known[name] for name in ARGUMENTS[rule.operation] if known[name] is not None})


def _failing(text: str) -> str:
    """All the ways to say that something is not mastered, by one of them."""
    return _FAILING.sub(NOT_MASTERED, text)


ASKING_ENDS = ("没", "没有", "么", "清单", "列表", "一览")


def asks(text: str) -> bool:
    """Whether the words ask, as 学完了没 does by its end."""
    return any(word in text for word in lexicon().question) or text.rstrip("?？。!！ ").endswith(ASKING_ENDS)


def _topics(text: str, counted: str, course: CourseName | None, courses: Sequence[CourseName]) -> dict[str, str | None]:
    """By operation: one of the courses' own where one is named, else what stands beside a word of weakness, or beside counts, of which
    ``counted`` has an anchor each.
    """
    known, named = lexicon(), _named_topic(_without_names(text, course), courses)
    anchors = (*known.weak, *known.marks)
    return {
        "mark_weak": named or topic_in(_without_names(text, course), anchors, known.topics, certain=True),
        "beside": named or topic_in(_without_names(text, course), anchors, known.topics, certain=False),
        "log_exercise": named or topic_in(_without_names(counted, course), (), known.topics, certain=course is None),
    }


def _named_topic(text: str, courses: Sequence[CourseName]) -> str | None:
    """The longest topic of the courses that the text names, in the words of the text."""
    said = text.lower()
    found = max((topic for course in courses for topic in course.topics if len(topic) > 1 and topic.lower() in said), key=len, default="")
    start = said.find(found.lower())
    return text[start:start + len(found)] or None


def _without_names(text: str, course: CourseName | None) -> str:
    text = CHAPTER.sub(BREAK, text)
    for name in sorted((course.name, *course.aliases) if course else (), key=len, reverse=True):
        text = pattern_of(name).sub(BREAK, text)
    return text


def _period(text: str) -> str:
    return next((period for period, words in lexicon().periods.items() if any(word in text for word in words)), "all")


ACTS = ("log_session", "log_exercise", "mark_weak", "finish_chapter", "undo")
"""What changes the record."""
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "log_session": ("minutes", "course", "chapter"), "log_exercise": ("total", "right", "course", "topic"),
    "mark_weak": ("topic", "course"), "finish_chapter": ("course", "chapter"), "undo": (),
    "time_spent": ("period", "course"), "progress": ("course",), "streak": (), "accuracy": ("period", "course"),
    "weak_points": ("course",), "review_due": ("course",), "last_studied": ("course",),
}

