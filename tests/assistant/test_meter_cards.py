"""An answer from another card, or with another fact of the right one, is wrong."""

from __future__ import annotations

import pytest

from pipeline.data.assistant.sample import Sample
from pipeline.edge.assistant.cards import Cards, StudentCard
from pipeline.errors import EdgeError
from pipeline.measure.card_answers import card_answers

CARDS = Cards([StudentCard(term="电场强度", facts={"formula": "E = F / q", "unit": "伏特每米"}),
               StudentCard(term="电势", facts={"unit": "伏特"})])


def sample(query: str, card: str, aspect: str) -> Sample:
    return Sample(query, "simple_qa", {"card": card, "aspect": aspect})


def test_only_the_fact_that_was_asked_for_counts() -> None:
    found = card_answers(CARDS, [sample("电场强度的单位是什么", "电场强度", "unit"), sample("电势的单位", "电场强度", "formula"),
                                 sample("电场强度的单位是什么", "电场强度", "formula"), Sample("推导", "complex_reasoning")])
    assert found.outcomes == [1, 0, 0] and found.details["wrong_count"] == 2


def test_no_question_is_no_perfect_score() -> None:
    with pytest.raises(EdgeError, match="expected simple questions, found none"):
        card_answers(CARDS, [])
