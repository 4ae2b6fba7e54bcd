"""The scenarios of ``scenarios.yaml``: the same ones for a seed.

No question of one is asked in another, and none is near to a query that the reference profile trains or calibrates on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from pipeline.data.generate import generate
from pipeline.data.grammar import Grammar, SlotValues, all_grammars, all_slots, expand, parse
from pipeline.data.intents import INTENTS
from pipeline.data.near import NearIndex
from pipeline.data.records import read_records
from pipeline.data.scenarios import LOCAL_ONLY, IntentName, Mark, Scenario, Turn, route_of
from pipeline.data.speech import normalise
from pipeline.errors import EdgeError
from pipeline.yaml_file import read_model

SPLIT = "challenge"
_DRAWS = 200
Move = Literal["ask", "follow", "refer", "again", "long"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Plan(_Section):
    count: int
    moves: list[Move]
    marks: dict[int, list[Mark]] = {}


class Reference(_Section):
    user: str
    standalone: str
    intent: IntentName


class Long(_Section):
    intents: list[IntentName]
    stories: list[str]


class Texts(_Section):
    """The content of ``scenarios.yaml``, which says what each part is."""

    seed: int
    plans: list[Plan]
    slots: dict[str, list[str]]
    asks: dict[IntentName, list[str]]
    follow: dict[IntentName, dict[str, list[str]]]
    refer: dict[str, list[Reference]]
    again: list[str]
    long: Long


@dataclass
class _Topic:
    """A question whose slot can be said again with another value; ``left``: the values not spoken yet, the last one is next."""

    intent: str
    slot: str
    say: Callable[[str], str]
    left: list[str]
    value: str = ""

    def next(self) -> str:
        self.value = self.left.pop()
        return self.say(self.value)


class _Said(NamedTuple):
    user: str
    standalone: str
    intent: str


def generate_scenarios() -> list[Scenario]:
    """Every scenario of every plan, shuffled; EdgeError when the texts cannot say so many different ones."""
    texts = read_model(Path(__file__).with_name("scenarios.yaml"), Texts)
    speaker = _Speaker(texts, random.Random(texts.seed), _learnt())
    drawn = [speaker.speak(plan) for plan in texts.plans for _ in range(plan.count)]
    random.Random(texts.seed).shuffle(drawn)
    return [Scenario(id=f"scenario-{number:03}", turns=turns) for number, turns in enumerate(drawn, start=1)]


def _learnt() -> NearIndex:
    learnt = NearIndex()
    with TemporaryDirectory() as folder:
        paths = generate(Path(folder))
        for split in ("train", "validation"):
            for record in read_records(paths[split]):
                learnt.add(record.query, record.query)
    return learnt


class _Speaker:
    """Draws one scenario after another; no question is asked twice but where it is asked again, and none that is near to ``apart``."""

    def __init__(self, texts: Texts, rng: random.Random, apart: NearIndex) -> None:
        self._texts, self._rng, self._apart = texts, rng, apart
        self._slots = all_slots() | {name: SlotValues((tuple(values),), ()) for name, values in texts.slots.items()}
        self._grammars = [grammar for grammar in all_grammars() if grammar.split == SPLIT]
        self._grammars += [Grammar(f"{intent}/scenarios/{number}", intent, SPLIT, template, parse(template))
                           for intent, templates in texts.asks.items() for number, template in enumerate(templates, start=1)]
        self._asked: set[str] = set()

    def speak(self, plan: Plan) -> list[Turn]:
        for _ in range(_DRAWS):
            said = self._conversation(plan.moves)
            asked = [normalise(one.standalone) for one, move in zip(said, plan.moves, strict=True) if move != "again"]
            if len(self._asked.union(asked)) == len(self._asked) + len(asked) and not any(map(self._is_learnt, asked)):
                self._asked.update(asked)
                return _turns(said, plan.marks)
        raise EdgeError(f"expected {plan.count} different scenarios of {', '.join(plan.moves)}, found too few; add to scenarios.yaml")

    def _is_learnt(self, question: str) -> bool:
        return any(self._apart.find(question))

    def _conversation(self, moves: Sequence[Move]) -> list[_Said]:
        said: list[_Said] = []
        topic: _Topic | None = None
        for place, move in enumerate(moves):
            leaning = list(takewhile(lambda later: later in ("follow", "refer"), moves[place + 1:]))
            if move == "ask":
                topic = self._topic(leaning) if leaning else None
                said.append(self._ask(topic))
            elif move == "long":
                said.append(self._long())
            elif move == "again":
                said.append(said[-1]._replace(user=self._rng.choice(self._texts.again)))
            elif topic:
                said.append(self._follow(topic) if move == "follow" else self._refer(topic))
        return said

    def _ask(self, topic: _Topic | None) -> _Said:
        intent = topic.intent if topic else self._intent([intent.name for intent in INTENTS])
        question = topic.next() if topic else self._question(intent)
        return _Said(question, question, intent)

    def _follow(self, topic: _Topic) -> _Said:
        standalone = topic.next()
        return _Said(self._rng.choice(self._texts.follow[topic.intent][topic.slot]).format(topic.value), standalone, topic.intent)

    def _refer(self, topic: _Topic) -> _Said:
        reference = self._rng.choice(self._texts.refer[topic.slot])
        return _Said(reference.user, reference.standalone.format(topic.value), reference.intent)

    def _long(self) -> _Said:
        intent = self._rng.choice(self._texts.long.intents)
        story = self._rng.choice(self._texts.long.stories).format(self._question(intent))
        return _Said(story, story, intent)

    def _intent(self, names: Collection[str]) -> str:
        """One of the intents, as often as a device is asked for it."""
        known = [intent for intent in INTENTS if intent.name in names]
        return self._rng.choices(known, [intent.share for intent in known])[0].name

    def _question(self, intent: str) -> str:
        grammar = self._rng.choice([grammar for grammar in self._grammars if grammar.intent == intent])
        return expand(grammar.nodes, self._slots, SPLIT, self._rng)

    def _topic(self, leaning: Sequence[Move]) -> _Topic:
        """A question that all of these moves can lean on."""
        fitting: dict[str, list[tuple[Grammar, str]]] = {}
        for grammar in self._grammars:
            for slot in self._slots:
                if grammar.template.count(f"{{{slot}}}") == 1 and self._bears(grammar.intent, slot, leaning):
                    fitting.setdefault(grammar.intent, []).append((grammar, slot))
        while True:
            grammar, slot = self._rng.choice(fitting[self._intent(fitting)])
            topic = _Topic(grammar.intent, slot, self._saying(grammar, slot), self._values(slot, 1 + leaning.count("follow")))
            if topic.left[-1] in topic.say(topic.left[-1]):  # the slot may stand in a part that is left out
                return topic

    def _bears(self, intent: str, slot: str, leaning: Sequence[Move]) -> bool:
        follows, refers = slot in self._texts.follow.get(intent, {}), slot in self._texts.refer
        return (follows or "follow" not in leaning) and (refers or "refer" not in leaning)

    def _saying(self, grammar: Grammar, slot: str) -> Callable[[str], str]:
        """The grammar's sentence as a function of the slot's value: all else is drawn alike."""
        seed = self._rng.random()
        return lambda value: expand(grammar.nodes, self._slots | {slot: SlotValues(((value,),), ())}, SPLIT, random.Random(seed))

    def _values(self, slot: str, count: int) -> list[str]:
        groups = [group for group in self._slots[slot].groups(SPLIT) if len(group) >= count]
        return self._rng.sample(self._rng.choices(groups, [len(group) for group in groups])[0], count)


def _turns(said: Sequence[_Said], marks: Mapping[int, Sequence[Mark]]) -> list[Turn]:
    turns: list[Turn] = []
    metadata: dict[Mark, Literal["true"]] = {}
    for place, one in enumerate(said, start=1):
        kept = {mark: value for mark, value in metadata.items() if mark == LOCAL_ONLY}  # what was private stays so
        metadata = kept | {mark: "true" for mark in marks.get(place, ())}
        turns.append(Turn(**one._asdict(), route=route_of(one.standalone, one.intent, metadata), metadata=metadata))
    return turns
