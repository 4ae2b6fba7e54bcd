"""The text that the reference base is pre-trained on: utterances made by this project, and what each is about.

What the base has seen: some 37,000 utterances written for it, as people say them to a phone (corpus/*.yaml), in
about a hundred fine categories (现在几点, 带伞穿衣, 单位换算, 条件假设, 讲笑话 ...); sentences of the *training*
grammars of pipeline/data, in six coarse ones; both with the noise of typing and hearing; and as the answer the category by
name, coarse before fine (问天气·带伞穿衣), or a letter for the coarse one, in six tasks (判断用途, 判断主题 ...) that each
have letters of their own.  The last quarter of the text is finished exchanges in the very prompt format of the decision.

What it has not seen: the task "判断意图" with its letters; the validation, test and challenge grammars; any text that equals,
or at a bigram Jaccard similarity of 0.8 or more resembles, a query named in `exclude` (the queries of all four data sets).

The categories were chosen knowing the six intents, and refine them: the kinds are the intents under other names.  A large
model knows from its reading what words mean and what people want; this base was taught it where the task needs it, and LoRA
has to bind the six letters to that.  What the reference profile reaches therefore says that the pipeline works, and nothing
of how good Qwen3-0.6B is.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import yaml

from pipeline.data.grammar import all_grammars, all_slots, expand
from pipeline.data.near import NearIndex
from pipeline.data.speech import roughen
from pipeline.runtime.prompt import template

FOLDER = Path(__file__).parent / "corpus"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
END = "<|im_end|>"
# What is judged of an utterance in the tasks.  意图 is not among them: that task is LoRA's to teach.
TASKS = ("类别", "用途", "目的", "类型", "主题", "需求")
CATEGORY_SHARE = 0.7  # of the notes say the category by name; the others are answered by a task's letter
EXCHANGE_SHARE = 0.25  # the last documents: finished exchanges in the prompt of the decision, before them shorter notes
PLAIN_SHARE = 0.05  # documents of the utterance alone, read as a language model reads
GRAMMAR_SHARE = 0.3  # of what is said: LoRA sees these grammars too, and shall bind its letters to what holds beyond them
# A corpus file's kind -> the intent whose training grammars speak of the same, and the coarse category.
KINDS = {"weather": ("weather_query", "问天气"), "time": ("time_query", "问时间"), "simple": ("simple_qa", "端上小事"),
         "reasoning": ("complex_reasoning", "要多步思考"), "knowledge": ("knowledge_qa", "查知识"), "chat": ("open_chat", "闲聊")}


@dataclass(frozen=True)
class Utterance:
    """What somebody said, the kind of thing it is about, and its fine category ("" for a sentence of a grammar)."""

    text: str
    kind: str
    category: str


@dataclass(frozen=True)
class Document:
    """A training text as (piece, weight of each of its tokens in the loss)."""

    pieces: tuple[tuple[str, float], ...]

    @property
    def text(self) -> str:
        return "".join(piece for piece, _ in self.pieces)


@dataclass(frozen=True)
class Task:
    """A question about an utterance that is answered by a letter; ``letters``: kind -> its letter in this task."""

    name: str
    letters: Mapping[str, str]


@cache
def utterances() -> tuple[Utterance, ...]:
    """All utterances of corpus/*.yaml, in the order of the files.

    A file KIND.yaml or KIND_2.yaml holds categories of that kind; in borders*.yaml a category is called KIND.WHAT.
    """
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        for category, texts in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            kind = category.partition(".")[0] if path.stem.startswith("borders") else path.stem.partition("_")[0]
            found += [Utterance(text, kind, category) for text in texts]
    return tuple(found)


def tasks(rng: random.Random) -> list[Task]:
    """Every task, each with letters of its own for the kinds."""
    return [Task(name, dict(zip(KINDS, rng.sample(LETTERS, len(KINDS)), strict=True))) for name in TASKS]


class Speaker:
    """Says utterances and sentences of the training grammars, noise included, never near a query of `exclude`."""

    def __init__(self, rng: random.Random, exclude: Iterable[str] = ()) -> None:
        self._rng, self._near = rng, NearIndex()
        for query in exclude:
            self._near.add(query, query)
        grammars = [grammar for grammar in all_grammars() if grammar.split == "train"]
        self._grammars = {kind: [grammar for grammar in grammars if grammar.intent == intent] for kind, (intent, _) in KINDS.items()}

    def say(self) -> Utterance:
        while True:
            said = self._of_grammar() if self._rng.random() < GRAMMAR_SHARE else self._of_corpus()
            if not any(self._near.find(said.text)):
                return said

    def _of_corpus(self) -> Utterance:
        written = self._rng.choice(utterances())
        return replace(written, text=roughen(written.text, "train", self._rng))

    def _of_grammar(self) -> Utterance:
        kind = self._rng.choice(list(KINDS))
        sentence = expand(self._rng.choice(self._grammars[kind]).nodes, all_slots(), "train", self._rng)
        return Utterance(roughen(sentence, "train", self._rng), kind, "")


def documents(count: int, seed: int, exclude: Iterable[str] = ()) -> Iterator[Document]:
    """`count` documents; the same arguments give the same ones.  No text is near a query of `exclude`."""
    rng = random.Random(seed)
    speaker, todo = Speaker(rng, exclude), tasks(rng)
    for index in range(count):
        said, task = speaker.say(), rng.choice(todo)
        late = index >= count * (1 - EXCHANGE_SHARE)
        if rng.random() < PLAIN_SHARE:
            yield Document(((said.text, 0.2), ("\n", 0.0)))
        elif rng.random() < (0.85 if late else 0.03):
            yield _exchange(task.name, said.text, task.letters[said.kind])
        elif rng.random() < CATEGORY_SHARE:
            yield _note("细类", said.text, KINDS[said.kind][1], said.category)
        else:
            yield _note(task.name, said.text, task.letters[said.kind])


def _note(name: str, text: str, answer: str, detail: str = "") -> Document:
    finer = ((f"·{detail}", 0.5),) if detail else ()
    return Document(((text, 0.0), (f"\n{name}：", 0.0), (answer, 1.0), *finer))


def _exchange(name: str, text: str, answer: str) -> Document:
    """A finished exchange in the prompt of the decision."""
    prefix, suffix = template(f"判断{name}")
    return Document(((prefix, 0.0), (text, 0.0), (suffix, 0.0), (answer, 1.0), (END, 0.05)))
