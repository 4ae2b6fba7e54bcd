"""What a student wants of an answer beside a fact: that it be brief, or plain, or tell a second one; made of simple questions."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.data.assistant.courses import Card, all_courses
from pipeline.data.assistant.sample import Sample
from pipeline.data.assistant.tasks import SIMPLE_QA
from pipeline.edge.assistant.aspects import DEFINITION
from pipeline.edge.assistant.plans import named
from pipeline.yaml_file import read_yaml

BRIEF, PLAIN, BOTH = KINDS = "brief", "plain", "both"
TRAIN, HELD_OUT = "train", "held_out"
IT = "它"


@dataclass(frozen=True)
class Wish:
    """A question, the card that it is about, and the aspects to be told, in the order in which they are asked.

    ``kind``: one of KINDS, which BOTH is where two aspects are asked, or "".
    """

    question: str
    card: Card
    aspects: tuple[str, ...]
    kind: str = ""

    @property
    def brief(self) -> bool:
        """Whether nothing beside the aspects is to be told."""
        return self.kind in (BRIEF, BOTH)


def wishes(samples: Sequence[Sample], said: str, seed: str) -> Iterator[Wish]:
    """Each simple question as it is, with the wish that it be brief, a definition's with that of plain words, and joined with another's.

    said: TRAIN or HELD_OUT, whose words the wishes are in.  A question is joined with one for another aspect that the card has, asked of
    the same course.  Those without a card, or for what it has not, are left out.
    """
    rng, known = random.Random(seed), [(sample, card) for sample in samples if (card := _card(sample))]
    others: dict[tuple[str, str], list[tuple[Sample, Card]]] = defaultdict(list)
    for sample, card in known:
        others[sample.expected["course"], sample.expected["aspect"]].append((sample, card))
    for sample, card in known:
        yield from _of(sample, card, said, rng)
        yield from _joined(sample, card, others, rng)


def _of(sample: Sample, card: Card, said: str, rng: random.Random) -> Iterator[Wish]:
    asked, said_by = (sample.expected["aspect"],), words()
    yield Wish(sample.query, card, asked, BRIEF if any(cue in sample.query for cue in said_by[BRIEF]["cues"]) else "")
    yield Wish(_beside(sample.query, rng.choice(said_by[BRIEF][said]), rng), card, asked, BRIEF)
    if asked == (DEFINITION,):
        yield Wish(_beside(sample.query, rng.choice(said_by[PLAIN][said]), rng), card, asked, PLAIN)


def _joined(sample: Sample, card: Card, others: Mapping[tuple[str, str], list[tuple[Sample, Card]]], rng: random.Random) -> Iterator[Wish]:
    course, aspect = sample.expected["course"], sample.expected["aspect"]
    choices = [name for name in card.facts if name != aspect and (course, name) in others]
    if choices:
        second = rng.choice(choices)
        other, of = rng.choice(others[course, second])
        question = named(other.query, of, rng.choice([IT, card.term]))
        yield Wish(f"{sample.query}{rng.choice('，；？ ')}{question}", card, (aspect, second), BOTH)


def _beside(question: str, wish: str, rng: random.Random) -> str:
    return rng.choice(["{wish}，{question}", "{question}，{wish}", "{question} {wish}"]).format(question=question, wish=wish)


def _card(sample: Sample) -> Card | None:
    if sample.task_type != SIMPLE_QA:
        return None
    card = _cards().get((sample.expected.get("course"), sample.expected.get("card")))
    return card if card and sample.expected.get("aspect") in card.facts else None


@cache
def _cards() -> dict[tuple[str | None, str | None], Card]:
    return {(course.name, card.term): card for course in all_courses() for chapter in course.chapters for card in chapter.cards}


@cache
def words() -> dict[str, dict[str, list[str]]]:
    """By wish, what is said for it: TRAIN, HELD_OUT and, of what a question has already, cues."""
    return read_yaml(Path(__file__).with_name("wishes.yaml"))
