"""Questions made whole by their words, for a device without a functions model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.edge.leaning import whole_by_words

WORDS = st.text("那明天后今呢北京上海几点离春节还有多少斤克等于三五换成？周一号", max_size=15)


@pytest.mark.parametrize(("questions", "whole"), [
    (["北京今天天气怎么样", "那明天呢？"], "北京明天天气怎么样"),
    (["北京今天天气怎么样", "上海呢"], "上海今天天气怎么样"),
    (["北京今天天气怎么样", "那明天呢", "换成上海呢"], "上海明天天气怎么样"),
    (["东京现在几点", "那伦敦呢"], "伦敦现在几点"),
    (["离春节还有几天", "国庆节呢？"], "离国庆节还有几天"),
    (["五公里是多少米", "换成英里呢"], "五公里是多少英里"),
    (["36加12等于多少", "那15呢"], "36加15等于多少"),
    (["北京今天天气怎么样", "下周三是几号"], "下周三是几号"),
    (["你好", "那明天呢"], "那明天呢"),
    (["周三是几号", "二十呢"], "二十呢"),
])
def test_a_follow_up_takes_the_place_of_what_it_changes(questions: list[str], whole: str) -> None:
    assert whole_by_words(questions) == whole


@given(st.lists(WORDS | st.text(max_size=20), min_size=1, max_size=4))
def test_nothing_is_said_that_was_not_said(questions: list[str]) -> None:
    assert set(whole_by_words(questions)) <= set("".join(questions))


@given(WORDS)
def test_a_first_question_stays_as_it_is(question: str) -> None:
    assert whole_by_words([question]) == question


def test_huge_questions_are_left_alone() -> None:
    assert whole_by_words(["一" * 1_000_000, "那明天呢"]) == "那明天呢"
