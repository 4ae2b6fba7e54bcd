"""Whether simple questions are answered from the right card, with the fact that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.data.assistant.sample import Sample
from pipeline.data.assistant.tasks import SIMPLE_QA
from pipeline.edge.assistant.cards import Cards
from pipeline.edge.assistant.reply import Reply
from pipeline.errors import EdgeError
from pipeline.measure.measurement import Proportion

SHOWN = 20


def card_answers(cards: Cards, samples: Sequence[Sample]) -> Proportion:
    """1 a simple question whose answer states the asked fact of its card, word for word.

    details: ``wrong``: the first 20 with the answer, ``wrong_count``.  EdgeError without such questions.
    """
    asked = simple(samples)
    replies = [cards.answer(sample.query) for sample in asked]
    outcomes = told(cards, asked, replies)
    wrong = [shown(sample, reply) for sample, reply, right in zip(asked, replies, outcomes, strict=True) if not right]
    return Proportion("card_answers", "proportion", {}, {}, {"wrong": wrong[:SHOWN], "wrong_count": len(wrong)}, "", outcomes,
                      [sample.query for sample in asked])


def simple(samples: Sequence[Sample]) -> list[Sample]:
    """The simple questions among the samples; EdgeError where there are none."""
    found = [sample for sample in samples if sample.task_type == SIMPLE_QA]
    if not found:
        raise EdgeError("expected simple questions, found none; generate assistant data with some")
    return found


def told(cards: Cards, asked: Sequence[Sample], replies: Sequence[Reply]) -> list[int]:
    """1 where the reply states the asked fact of its question's card, word for word."""
    facts = {card.term: card.facts for card in cards.cards}
    return [int(facts[sample.expected["card"]][sample.expected["aspect"]].rstrip("。.") in reply.text)
            for sample, reply in zip(asked, replies, strict=True)]


def shown(sample: Sample, reply: Reply) -> dict[str, Any]:
    return {"query": sample.query, "expected": sample.expected, "answer": reply.text}
