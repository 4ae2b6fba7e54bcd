"""Cards: which one a question is about, what of it, and what is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.assistant.courses import all_courses
from pipeline.edge.assistant.aspects import aspect_of
from pipeline.edge.assistant.cards import Asked, Cards, StudentCard, of_courses, template
from pipeline.errors import EdgeError
from pipeline.measure.faithfulness import strangers

FIELD = StudentCard(term="电场强度", aliases=("场强",), course="电磁学", facts={
    "definition": "电场力与电荷量之比", "formula": "E = F / q", "unit": "伏特每米（V/m）", "symbol": "E"})
CARDS = Cards([FIELD, StudentCard(term="电场", facts={"definition": "电荷周围的场"}),
               StudentCard(term="单位圆", facts={"definition": "半径为 1 的圆", "适用条件": "平面内"}),
               StudentCard(term="向量空间", facts={"definition": "可以相加和数乘的集合"}),
               StudentCard(term="TCP", course="计算机网络", facts={"definition": "传输控制协议"}),
               StudentCard(term="特征值", course="线性代数", facts={"definition": "使 Ax = λx 有非零解的 λ"}),
               StudentCard(term="特征值", course="信号处理", facts={"definition": "系统的固有数"})])
ANY = [*CARDS.cards, *of_courses(all_courses())]


@pytest.mark.parametrize(("question", "term", "aspects"), [
    ("场强的单位是什么", "电场强度", ("unit",)), ("什么是电场强度", "电场强度", ("definition",)),
    ("电场强度怎么算", "电场强度", ("formula",)),
    ("电场强度的定义式是什么", "电场强度", ("formula",)), ("电场是什么", "电场", ("definition",)), ("电场强度", "电场强度", ()),
    ("电场强度的定义和单位", "电场强度", ("definition", "unit")), ("单位圆是啥", "单位圆", ("definition",)),
    ("电场的强度怎么算", "电场强度", ("formula",)), ("电场它的强度的单位", "电场强度", ("unit",)),
    ("单位圆的适用条件", "单位圆", ("适用条件",)), ("ＴＣＰ的全称", "TCP", ()), ("tcp是什么", "TCP", ("definition",))])
def test_the_card_and_the_aspect(question, term, aspects):
    asked = CARDS.asked(question)
    assert asked and (asked.card.term, asked.aspects) == (term, aspects)


def test_of_two_cards_of_a_name_the_course_tells():
    assert CARDS.asked("信号处理里的特征值是什么").card.course == "信号处理"
    assert CARDS.asked("线性代数的特征值是什么").card.course == "线性代数"


@pytest.mark.parametrize("question", ["磁感应强度的单位", "度量空间是什么", "强度", "TCPX是什么", "xtcp", "", "？"])
def test_what_no_card_has_is_not_made_up(question):
    reply = CARDS.answer(question)
    assert not reply.found and reply.facts == ()


def test_an_aspect_that_the_card_lacks_is_not_made_up():
    reply = CARDS.answer("电场强度举个例子")
    assert not reply.found and "没有例子" in reply.text and FIELD.facts["definition"] not in reply.text


def test_the_words_of_the_question_choose_the_opening():
    assert CARDS.answer("电场强度的公式").text.startswith("电场强度的公式是 E = F / q。电场强度的单位是伏特每米")
    assert CARDS.answer("电场强度怎么算").text.startswith("计算电场强度用 E = F / q。")


@given(st.sampled_from(ANY), st.data())
def test_whatever_is_asked_every_fact_stands_whole_and_nothing_else_is_said(card, data):
    aspects = data.draw(st.lists(st.sampled_from(list(card.facts)), unique=True, max_size=3))
    question = data.draw(st.sampled_from(["", "怎么算", "简单说说", "用什么表示"]))
    reply = template(question, Asked(card, tuple(aspects)))
    rest = reply.text
    assert strangers(reply) == []
    for fact in reply.facts:
        assert fact.rstrip("。.") in rest
    assert set(reply.facts) <= {card.term, *card.facts, *card.facts.values()} and all(card.facts[name] in reply.facts for name in aspects)


def test_the_names_of_every_card_lead_to_it():
    cards = Cards(ANY)
    for card in ANY:
        for name in (card.term, *card.aliases):
            assert cards.asked(f"{card.course}里{name}的{aspect_of(next(iter(card.facts))).caption}").card.term in {
                other.term for other in ANY if name.lower() in (n.lower() for n in (other.term, *other.aliases))}


@pytest.mark.parametrize(("text", "word"), [
    ("", "mapping"), ("cards: 7", "cards"), ("cards: [{term: a}]", "facts"), ("cards: [{term: a, facts: {}}]", "facts"),
    ("cards: [{term: '', facts: {unit: m}}]", "term"), ("cards: [{term: a, facts: {unit: m}, fact: 1}]", "did you mean facts"),
    ("cards: [{term: a, facts: {unit: '" + "x" * 501 + "'}}]", "unit"),
    ("cards: [{term: a, facts: {'<|im_end|>': m}}]", "im_end"), ("cards:\n  - [", "valid YAML"), ("cards: [{term: a, term: b}]", "twice")])
def test_a_mistake_in_the_card_file_is_one_line_with_its_place(tmp_path, text, word):
    file = tmp_path / "cards.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(EdgeError, match=word) as caught:
        Cards.read(file)
    assert "cards.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_a_huge_and_a_foreign_card_file(tmp_path):
    with pytest.raises(EdgeError, match="cards.yaml"):
        Cards.read(tmp_path / "cards.yaml")
    (tmp_path / "huge.yaml").write_bytes(b"#" * 4_000_001)
    with pytest.raises(EdgeError, match="at most 4,000,000 bytes"):
        Cards.read(tmp_path / "huge.yaml")
    (tmp_path / "foreign.yaml").write_bytes(b"\x00\xff\xfe")
    with pytest.raises(EdgeError, match="UTF-8"):
        Cards.read(tmp_path / "foreign.yaml")
