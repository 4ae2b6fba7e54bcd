"""What the cards say where a model words them: what is made up or lost, which wishes it understands, and how often it is late."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.data.assistant.courses import Card
from pipeline.data.assistant.sample import Sample
from pipeline.data.assistant.wishes import HELD_OUT, PLAIN, Wish, wishes
from pipeline.edge.assistant.aspects import aspect_of
from pipeline.edge.assistant.cards import Cards
from pipeline.edge.assistant.reply import Reply
from pipeline.errors import EdgeError
from pipeline.measure.card_answers import SHOWN, shown, simple, told
from pipeline.measure.child import TIMEOUT, ran_as, serving
from pipeline.measure.faithfulness import strangers
from pipeline.measure.measurement import Exact, Paired, Proportion
from pipeline.measure.subject import Subject
from pipeline.progress import track

BATCH = 50  # questions a request
SEED = "phrasing/held out"


@dataclass(frozen=True)
class Phrased:
    """Of each simple question, what the assistant's cards said as it ships, and what they say by templates.

    ``wished``: questions with a wish, in words that training never had, and likewise.  ``cards``: whose facts they are.
    """

    cards: Cards
    samples: list[Sample]
    replies: list[Reply]
    templates: list[Reply]
    wished: list[Wish]
    wished_replies: list[Reply]
    wished_templates: list[Reply]
    artifacts: dict[str, str]
    conditions: dict[str, object]


def phrase_all(subject: Subject, cards: Cards, samples: Sequence[Sample], *, timeout: float = TIMEOUT) -> Phrased:
    """Ask the whole assistant's cards in a process of its own; ``cards``: the same file, without a model.

    EdgeError where no simple question is among the samples.
    """
    asked = simple(samples)
    bare = {sample.query for sample in asked}
    wished = [wish for wish in wishes(asked, HELD_OUT, SEED) if wish.question not in bare]
    queries = [*(sample.query for sample in asked), *(wish.question for wish in wished)]
    with serving(subject, timeout) as (child, opened), track(f"{subject.name}: cards", len(queries)) as progress:
        replies: list[Reply] = []
        for start in range(0, len(queries), BATCH):
            said = child.ask("cards", queries=queries[start:start + BATCH])["replies"]
            replies += [Reply(**{**reply, "facts": tuple(reply["facts"])}) for reply in said]
            progress.advance(len(said))
    templates = [cards.answer(query) for query in queries]
    count = len(asked)
    return Phrased(cards, asked, replies[:count], templates[:count], wished, replies[count:], templates[count:], dict(subject.artifacts),
                   ran_as(opened))


def made_up(phrased: Phrased) -> Exact:
    """How many answers hold a number that is in no fact, or anything but one card's term and facts within the fixed openings.

    Read off the text alone, by taking it apart again.  EdgeError where no answer is in a model's words: that is no faithfulness.
    """
    replies = [reply for reply in (*phrased.replies, *phrased.wished_replies) if reply.phrased]
    if not replies:
        raise EdgeError(f"expected answers in a model's words, found {len(phrased.replies)} by template; deploy a generator that opens")
    by_term: dict[str, list[Card]] = {}
    for card in phrased.cards.cards:
        by_term.setdefault(card.term, []).append(card)
    found = [{"text": reply.text} for reply in replies
             if strangers(reply) or not any(sentences_in(reply.text, card) for card in by_term.get(reply.facts[0], []))]
    return Exact("made_up", "count", phrased.artifacts, phrased.conditions, {"n": len(replies), "answers": found[:SHOWN]}, "",
                 float(len(found)))


def sentences_in(text: str, card: Card) -> list[tuple[str, str]]:
    """The text as (aspect, opening) sentences of the card; none where anything in it is no such sentence."""
    filled = {opening.replace("{term}", card.term).replace("{fact}", fact.rstrip("。.") or fact): (name, opening)
              for name, fact in card.facts.items() for opening in aspect_of(name).openings}
    any_of = "|".join(map(re.escape, sorted(filled, key=len, reverse=True)))
    return [filled[said] for said in re.findall(any_of, text)] if re.fullmatch(f"(?:{any_of})+", text) else []


def facts_lost(phrased: Phrased) -> Paired:
    """1 = the asked fact is told, by the templates (reference) and as it ships.  details: what was ``lost`` and ``gained``."""
    sides = [told(phrased.cards, phrased.samples, replies) for replies in (phrased.templates, phrased.replies)]
    rows = list(zip(phrased.samples, phrased.replies, *sides, strict=True))
    details = {name: [shown(sample, reply) for sample, reply, before, after in rows if (before, after) == flip][:SHOWN]
               for name, flip in {"lost": (1, 0), "gained": (0, 1)}.items()}
    return Paired("facts_lost", "points", phrased.artifacts, phrased.conditions, details, "", *sides,
                  [sample.query for sample in phrased.samples])


def wish_kept(phrased: Phrased, kind: str) -> Paired:
    """Of the questions with that wish: 1 = templates (reference) or the assistant as it ships told it as it was wished.

    That is every fact that is asked for, none beside them where it is to be brief, and a plain definition in its plain words.
    """
    places = [place for place, wish in enumerate(phrased.wished) if wish.kind == kind]
    sides = [[int(_kept(phrased.wished[place], replies[place].text)) for place in places]
             for replies in (phrased.wished_templates, phrased.wished_replies)]
    return Paired(f"wish_{kind}", "points", phrased.artifacts, phrased.conditions, {}, "", *sides,
                  [phrased.wished[place].question for place in places])


def _kept(wish: Wish, text: str) -> bool:
    said = sentences_in(text, wish.card)
    aspects, asked = {name for name, _ in said}, set(wish.aspects)
    plain = wish.kind != PLAIN or said[:1] == [(wish.aspects[0], aspect_of(wish.aspects[0]).plain)]
    return plain and (aspects == asked if wish.brief else aspects >= asked)


def by_the_model(phrased: Phrased) -> Proportion:
    """1 a simple question that a card answers in the model's words; the others it answers by template, for the model was late."""
    found = [(sample.query, reply) for sample, reply in zip(phrased.samples, phrased.replies, strict=True) if reply.found]
    return Proportion("by_the_model", "proportion", phrased.artifacts, phrased.conditions, {}, "",
                      [int(reply.phrased) for _, reply in found], [query for query, _ in found])
