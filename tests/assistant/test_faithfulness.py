"""Whatever number or file name an answer has that its facts have not is found, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.edge.assistant.reply import Reply
from pipeline.errors import EdgeError
from pipeline.measure.faithfulness import strangers, unfaithful

FACTS = ("电磁学/第03章 静电场/03-课件.pdf", "2026-11-30 学习 90 分钟", "E = 1.6e-19 C", "做了十二道题")


@pytest.mark.parametrize("text", [
    "在第三章的 03-课件.pdf 里。", "学了90分钟，即九十分钟。", "做了12道题。", "一次也没有，一天也没有，一般来说，统一了。",
    "电子的电荷是1.6e-19 C。", "第３章", "请看：03-课件.pdf", ""])
def test_what_the_facts_have_is_theirs(text):
    assert strangers(Reply(text, FACTS)) == []


@pytest.mark.parametrize(("text", "strange"), [
    ("在第四章。", ["四"]), ("学了91分钟", ["91"]), ("见 04-课件.pdf", ["04-课件.pdf"]), ("“作业.docx”和 x.md", ["作业.docx", "x.md"]),
    ("9 分钟", ["9"]), ("做了两道题", ["两"]), ("1.65", ["1.65"]), ("03-课件.PDF里", ["03-课件.PDF"]), ("连续十五天", ["十五"]),
    ("件.pdf里", ["件.pdf"])])
def test_what_they_have_not_is_a_stranger(text, strange):
    assert strangers(Reply(text, FACTS)) == strange


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**6), max_size=5))
def test_a_number_is_a_stranger_where_no_fact_has_it(number, known):
    assert (strangers(Reply(f"共{number}题", tuple(f"记录 {one}" for one in known))) == []) == (number in known)


def test_the_measurement_counts_and_names_them():
    found = unfaithful([Reply("90分钟", FACTS), Reply("91分钟，见 a.pdf", FACTS)])
    assert (found.value, found.details["named"], found.details["replies"]) == (2.0, 3, 2)
    assert [one["stranger"] for one in found.details["strangers"]] == ["a.pdf", "91"]


@pytest.mark.parametrize("text", ["请看 我编的03-课件.pdf", "量子力学 假的课件.pptx", "· 电磁学/第03章 静电场/我编的 课件.pptx"])
def test_a_name_that_only_ends_like_a_file_is_a_stranger(text):
    assert strangers(Reply(text, ("电磁学/第03章 静电场/03-课件.pdf", "电磁学/第03章 静电场/第1章 静电场 课件.pptx")))


def test_answers_without_anything_to_look_at_are_no_faithfulness():
    with pytest.raises(EdgeError, match="expected answers with numbers or file names"):
        unfaithful([Reply("没有找到。", found=False)])
