"""Whether simple questions are answered from the right card, with the fact that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.data.assistant.sample import Sample
from pipeline.data.assistant.tasks import SIMPLE_QA
from pipeline.edge.assistant.cards import Cards
from pipeline.errors import EdgeError
from pipeline.measure.measurement import Proportion

SHOWN = 20


def card_answers(cards: Cards, samples: Sequence[Sample]) -> Proportion:
    """1 a simple question whose answer states the asked fact of its card, word for word.

    details: ``wrong``: the first 20 with the answer, ``wrong_count``.  EdgeError without such questions.
    """
    asked = [sample for sample in samples if sample.task_type == SIMPLE_QA]
    if not asked:
        raise EdgeError("expected simple questions, found none; generate assistant data with some")
    facts = {card.term: card.facts for card in cards.cards}
    answers = [cards.answer(sample.query).text for sample in asked]
    outcomes = [int(facts[sample.expected["card"]][sample.expected["aspect"]].rstrip("。.") in answer)
                for sample, answer in zip(asked, answers, strict=True)]
    wrong = [{"query": sample.query, "expected": sample.expected, "answer": answer}
             for sample, answer, right in zip(asked, answers, outcomes, strict=True) if not right]
    return Proportion("card_answers", "proportion", {}, {}, {"wrong": wrong[:SHOWN], "wrong_count": len(wrong)}, "", outcomes,
                      [sample.query for sample in asked])
