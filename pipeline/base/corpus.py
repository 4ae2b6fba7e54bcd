"""The text that the reference base is pre-trained on: made here, by seed, from the word lists and frames in corpus/.

What the base has seen: word lists and statements of some sixty topics, some fifty speech acts (definition, reason,
comparison, hypothesis, joke, greeting ...) filled with those topics' words, requests of some forty assistant domains
(alarm, music, navigation ...), relations between words, and many classification tasks over these in the very prompt
format of the decision, answered by one letter whose meaning changes from task to task.

What it has not seen: the task "判断意图" and its letters; a question for the weather or for the time of day or the date
(HELD_OUT keeps those topics' words and those speech acts from meeting); any sentence that equals, or at a bigram Jaccard
similarity of 0.8 or more resembles, one of the queries named in `exclude`.  The frames are our own text; they were
written knowing what the six intents are, so this base is closer to the task than a general model of the same size.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.base.chat import END, decision_prompt
from pipeline.base.noise import colloquial
from pipeline.data.near import NearIndex

FOLDER = Path(__file__).parent / "corpus"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
HELD_OUT = {("天气", "问现况"), ("天气", "问天数"), ("时间", "问现况"), ("时间", "问天数"), ("季节", "问现况"), ("节日", "问天数")}
QUERY_WEIGHT, ANSWER_WEIGHT, TEXT_WEIGHT = 0.02, 1.0, 0.1


@dataclass(frozen=True)
class Sentence:
    """A sentence and what is known about it: dimension (话题, 动作 ...) to value."""

    text: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Document:
    """A training text as (piece, weight of each of its tokens in the loss)."""

    pieces: tuple[tuple[str, float], ...]

    @property
    def text(self) -> str:
        return "".join(piece for piece, _ in self.pieces)


@dataclass(frozen=True)
class Class:
    """Sentences whose topic is in `topics`, whose act is in `acts` or whose domain is in `domains`: one of the three."""

    topics: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()

    def holds(self, tags: Mapping[str, str]) -> bool:
        return tags.get("话题") in self.topics or tags.get("动作") in self.acts or tags.get("领域") in self.domains


@dataclass(frozen=True)
class Task:
    """A classification task: its name, its classes (the first that holds counts), and each class's letter."""

    name: str
    classes: tuple[Class, ...]
    letters: tuple[str, ...]

    def letter(self, tags: Mapping[str, str]) -> str | None:
        """The answer for a sentence with these tags; None if it belongs to no class."""
        return next((letter for one, letter in zip(self.classes, self.letters, strict=True) if one.holds(tags)), None)


def _words(value: str | None) -> list[str]:
    return (value or "").split()


@cache
def sources() -> dict[str, Any]:
    """The YAML files as one mapping: topics, acts, domains, facts, slots."""
    read = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yaml"))}
    topics = {name: body for stem, part in read.items() if stem.startswith("topics") for name, body in part.items()}
    for body in topics.values():
        body.update({kind: _words(body.get(kind)) for kind in "nva"})
    for domain in read["domains"].values():
        domain["slots"] = {slot: _words(value) for slot, value in domain["slots"].items()}
    slots = {slot: _words(value) for slot, value in read["slots"].items()}
    facts = {name: {"t": body["t"], "p": _words(body["p"])} for name, body in read["facts"].items()}
    return {"topics": topics, "acts": read["acts"], "domains": read["domains"], "facts": facts, "slots": slots}


@cache
def about_topic(act: str) -> list[str]:
    """The frames of a speech act that take a word of the topic."""
    return [frame for frame in sources()["acts"][act]["frames"] if re.search(r"\{(n|m|v|w|a|a2)\}", frame)]


class Writer:
    """Writes sentences; `exclude` lists queries that must not occur, not even nearly."""

    def __init__(self, rng: random.Random, exclude: Iterable[str] = ()) -> None:
        self.rng = rng
        self.source = sources()
        self.near = NearIndex()
        for query in exclude:
            self.near.add(query, query)

    def _fill(self, frame: str, own: Mapping[str, list[str]]) -> str:
        lists = {**self.source["slots"], **own}
        for slot in sorted(lists, key=len, reverse=True):
            while "{" + slot + "}" in frame:
                frame = frame.replace("{" + slot + "}", self.rng.choice(lists[slot]), 1)
        return frame

    def _clean(self, make: Any) -> str:
        """`make()` until the sentence is not near an excluded query; its last resort is to drop words."""
        for _ in range(50):
            text = colloquial(make(), self.rng, self.source["slots"])
            if not any(self.near.find(text)):
                return text
        return self.rng.choice(self.source["topics"]["植物"]["n"])

    def spoken(self, topic: str, act: str, frames: list[str]) -> Sentence:
        """A sentence that performs `act` by one of its `frames`, with the words of `topic` where the frame takes any."""
        body, used = self.source["topics"][topic], []
        own = {"n": body["n"], "m": body["n"], "v": body["v"], "w": body["v"], "a": body["a"], "a2": body["a"]}
        text = self._clean(lambda: self._fill((used.append(self.rng.choice(frames)) or used[-1]), own))
        about = {"话题": topic, "大类": body["in"]} if used[-1] in about_topic(act) else {}
        return Sentence(text, {**about, "动作": act, "句式": self.source["acts"][act]["kind"]})

    def stated(self, topic: str) -> Sentence:
        """A statement about the topic, or some of its words."""
        body = self.source["topics"][topic]
        if self.rng.random() < 0.4:
            text, act = self._clean(lambda: self.rng.choice(body["s"])), "说事实"
        else:
            words = body["n"] * 2 + body["v"] + body["a"]
            text, act = self._clean(lambda: self.rng.choice(["", "", "，", "和"]).join(
                self.rng.sample(words, self.rng.choice([1, 1, 2])))), "说词语"
        return Sentence(text, {"话题": topic, "大类": body["in"], "动作": act, "句式": "陈述"})

    def requested(self, domain: str) -> Sentence:
        """A request of an assistant's domain."""
        body = self.source["domains"][domain]
        return Sentence(self._clean(lambda: self._fill(self.rng.choice(body["frames"]), body["slots"])), {"领域": domain})

    def of(self, kind: Class) -> Sentence:
        """A sentence of the class."""
        if kind.domains:
            return self.requested(self.rng.choice(kind.domains))
        topics = kind.topics or tuple(self.source["topics"])
        if not kind.acts and self.rng.random() < 0.5:
            return self.stated(self.rng.choice(topics))
        while True:
            topic, act = self.rng.choice(topics), self.rng.choice(kind.acts or tuple(self.source["acts"]))
            frames = self.source["acts"][act]["frames"] if kind.acts else about_topic(act)
            if frames and (topic, act) not in HELD_OUT:
                return self.spoken(topic, act, frames)


def _groups(names: list[str], count: int, size: int, rng: random.Random) -> list[tuple[str, ...]]:
    """`count` disjoint groups of at most `size` names."""
    chosen = rng.sample(names, min(len(names), count * size))
    return [tuple(chosen[i::count]) for i in range(count)]


def _classes(style: str, rng: random.Random) -> list[Class]:
    source = sources()
    topics, acts, domains = list(source["topics"]), list(source["acts"]), list(source["domains"])
    count = rng.randint(3, 10)
    if style == "话题":
        return [Class(topics=group) for group in _groups(topics, count, rng.randint(1, 4), rng)]
    if style == "动作":
        return [Class(acts=group) for group in _groups(acts, count, rng.randint(1, 4), rng)]
    if style == "领域":
        return [Class(domains=group) for group in _groups(domains, count, rng.randint(1, 3), rng)]
    mixed = [Class(topics=group) for group in _groups(topics, rng.randint(1, 3), rng.randint(1, 4), rng)]
    mixed += [Class(domains=group) for group in _groups(domains, rng.randint(0, 2), 3, rng)]
    return mixed + [Class(acts=group) for group in _groups(acts, rng.randint(2, 5), rng.randint(2, 8), rng)]


def tasks(count: int, rng: random.Random) -> list[Task]:
    """`count` tasks: topics, speech acts, domains, and as often as these mixtures of them, each with its own letters."""
    made = []
    for number in range(count):
        style = ("话题", "类别", "动作", "类别", "领域", "类别")[number % 6]
        classes = _classes(style, rng)
        letters = list(LETTERS[: len(classes)])
        rng.shuffle(letters)
        made.append(Task(f"{style}{number + 1}", tuple(classes), tuple(letters)))
    return made


def chat_document(system: str, query: str, answer: str) -> Document:
    """A finished exchange in the prompt of the decision."""
    head, tail = decision_prompt(system, "\0").split("\0")
    return Document(((head, 0.0), (query, QUERY_WEIGHT), (tail, 0.0), (answer, ANSWER_WEIGHT), (END, 0.05)))


def _annotated(sentence: Sentence, todo: Sequence[Task], rng: random.Random) -> Document:
    """A sentence and the answers to several tasks about it, more of them a token than a finished exchange has."""
    answers = rng.sample(sorted(sentence.tags.items()), min(3, len(sentence.tags)))
    found = ((task.name, task.letter(sentence.tags)) for task in rng.sample(todo, len(todo)))
    answers += [(name, letter) for name, letter in found if letter][:4]
    rng.shuffle(answers)
    pieces = [piece for name, value in answers for piece in ((f"\n{name}：", 0.0), (value, 1.0))]
    return Document(((sentence.text, QUERY_WEIGHT), *pieces))


def _exchange(writer: Writer, todo: Sequence[Task]) -> Document:
    """A query in the decision's prompt, answered by a task's letter or, one time in three, by a tag's value."""
    if writer.rng.random() < 0.33:
        sentence = _any_sentence(writer)
        name, value = writer.rng.choice(sorted(sentence.tags.items()))
        return chat_document(f"判断{name}", sentence.text, value)
    task = writer.rng.choice(todo)
    at = writer.rng.randrange(len(task.classes))
    while task.letter((sentence := writer.of(task.classes[at])).tags) != task.letters[at]:
        pass
    return chat_document(f"判断{task.name}", sentence.text, task.letters[at])


def _listed(writer: Writer) -> Document:
    topic = writer.rng.choice(list(writer.source["topics"]))
    body = writer.source["topics"][topic]
    words = writer.rng.sample(body["n"] + body["v"] + body["a"], 8)
    if writer.rng.random() < 0.3:
        return Document((("、".join(words), TEXT_WEIGHT), ("\n话题：", 0.0), (topic, ANSWER_WEIGHT)))
    return Document(((topic, 0.0), ("：" + "、".join(words), TEXT_WEIGHT)))


def _fact(writer: Writer) -> Document:
    body = writer.source["facts"][writer.rng.choice(list(writer.source["facts"]))]
    at = 2 * writer.rng.randrange(len(body["p"]) // 2)
    text = writer.rng.choice(body["t"]).replace("{a}", body["p"][at]).replace("{b}", body["p"][at + 1])
    return Document(((text + "。", TEXT_WEIGHT),))


def _any_sentence(writer: Writer) -> Sentence:
    kind = writer.rng.random()
    if kind < 0.2:
        return writer.requested(writer.rng.choice(list(writer.source["domains"])))
    return writer.of(Class() if kind < 0.6 else Class(acts=tuple(writer.source["acts"])))


def documents(count: int, seed: int, exclude: Iterable[str] = (), task_count: int = 36) -> Iterator[Document]:
    """`count` documents; the share of finished exchanges rises from one to nine in ten.

    The same arguments give the same documents.  `exclude` are queries that no sentence may equal or nearly equal.
    """
    rng = random.Random(seed)
    writer, todo = Writer(rng, exclude), tasks(task_count, rng)
    for index in range(count):
        draw, chat = rng.random(), 0.1 + 0.8 * (index / count) ** 2
        if draw < chat:
            yield _exchange(writer, todo)
        elif draw < chat + (1 - chat) * 0.85:
            yield _annotated(_any_sentence(writer), todo, rng)
        else:
            yield _listed(writer) if rng.random() < 0.6 else _fact(writer)
