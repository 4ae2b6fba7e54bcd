"""What a model's words of a card are held to: each fault planted in an answer is counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.data.assistant.courses import all_courses
from pipeline.data.assistant.sample import Sample
from pipeline.data.assistant.wishes import BOTH, BRIEF, PLAIN, Wish
from pipeline.edge.assistant.cards import Cards, of_courses
from pipeline.edge.assistant.deploying import deploy
from pipeline.edge.assistant.reply import Reply
from pipeline.edge.assistant.workspace import Workspace
from pipeline.errors import EdgeError
from pipeline.export.generator import export_generator
from pipeline.measure.phrasing import Phrased, by_the_model, facts_lost, made_up, phrase_all, sentences_in, wish_kept
from pipeline.measure.subject import Subject
from tests.assistant.students import workspace
from tests.assistant.tasks_model import build
from tests.export.tiny_qwen3 import merged  # noqa: F401 - a fixture

CARDS = Cards(of_courses(all_courses()))
FIELD, CAPACITY = (next(card for card in CARDS.cards if card.term == term) for term in ("电场强度", "电容"))
UNIT, FORMULA, DEFINITION = (FIELD.facts[name] for name in ("unit", "formula", "definition"))
ASKED = Sample("电场强度的单位", "simple_qa", {"card": FIELD.term, "course": FIELD.course, "aspect": "unit"})
RIGHT = f"{FIELD.term}的单位是{UNIT}。"
BESIDE = f"{FIELD.term}的公式是 {FORMULA}。"


def said(text: str, phrased: bool = True) -> Reply:
    return Reply(text, (FIELD.term, *FIELD.facts.values()), phrased=phrased)


def phrased(text: str, template: str = RIGHT, **changes: object) -> Phrased:
    one = Phrased(CARDS, [ASKED], [said(text)], [said(template, False)], [], [], [], {}, {})
    return replace(one, **changes)


@pytest.mark.parametrize("text", [RIGHT, RIGHT + BESIDE, f"计算{FIELD.term}用 {FORMULA}。"])
def test_what_the_card_says_is_not_made_up(text):
    assert made_up(phrased(text)).value == 0


@pytest.mark.parametrize("text", [
    RIGHT + "约为 3。", RIGHT.replace(UNIT, "千克"), RIGHT.replace(UNIT, next(iter(CAPACITY.facts.values()))), RIGHT + "希望有帮助。",
    RIGHT.replace(FIELD.term, "磁场"), RIGHT.replace(UNIT, FORMULA), "", RIGHT[:-1]])
def test_a_number_a_name_a_word_or_a_foreign_fact_is(text):
    assert made_up(phrased(text)).value == 1


def test_a_number_that_no_fact_of_the_reply_vouches_for_is_made_up():
    point = next(card for card in CARDS.cards if card.term == "居里点")
    text = f"居里点的例子：{point.facts['example'].rstrip('。')}。"
    vouched, bare = (Reply(text, facts, phrased=True) for facts in ((point.term, *point.facts.values()), (point.term,)))
    assert (made_up(phrased("", replies=[vouched])).value, made_up(phrased("", replies=[bare])).value) == (0, 1)


def test_only_a_model_s_words_are_judged():
    assert made_up(phrased("", replies=[said("什么都行", False), said(RIGHT)])).details["n"] == 1
    with pytest.raises(EdgeError, match="expected answers in a model's words, found 1 by template"):
        made_up(phrased("", replies=[said(RIGHT, False)]))


def test_a_fact_that_only_one_side_tells_is_lost_or_gained():
    lost, gained = facts_lost(phrased(BESIDE)), facts_lost(phrased(RIGHT, BESIDE))
    assert (lost.reference, lost.candidate, len(lost.details["lost"]), lost.details["gained"]) == ([1], [0], 1, [])
    assert (gained.reference, gained.candidate, gained.details["lost"], len(gained.details["gained"])) == ([0], [1], [], 1)


PLAINLY = f"简单说，{FIELD.term}就是{DEFINITION.rstrip('。')}。"
FORMALLY = f"{FIELD.term}是指{DEFINITION.rstrip('。')}。"


@pytest.mark.parametrize(("kind", "aspects", "text", "kept"), [
    (BRIEF, ("unit",), RIGHT, 1), (BRIEF, ("unit",), RIGHT + BESIDE, 0), (BRIEF, ("formula",), RIGHT, 0),
    (BOTH, ("unit", "formula"), RIGHT + BESIDE, 1), (BOTH, ("unit", "formula"), RIGHT, 0),
    (BOTH, ("unit", "definition"), RIGHT + BESIDE, 0),
    (PLAIN, ("definition",), PLAINLY, 1), (PLAIN, ("definition",), PLAINLY + RIGHT, 1), (PLAIN, ("definition",), FORMALLY, 0),
    (PLAIN, ("definition",), RIGHT, 0), (BRIEF, ("unit",), "知识卡片里没有这个概念。", 0)])
def test_a_wish_is_kept_by_every_fact_that_is_asked_and_as_it_is(kind, aspects, text, kept):
    one = phrased(RIGHT, wished=[Wish("…", FIELD, aspects, kind)], wished_replies=[said(text)], wished_templates=[said(RIGHT, False)])
    assert wish_kept(one, kind).candidate == [kept]
    assert not any(wish_kept(one, other).items for other in {BRIEF, BOTH, PLAIN} - {kind})


def test_a_sentence_is_read_as_a_whole():
    assert sentences_in(RIGHT + BESIDE, FIELD) == [("unit", "{term}的单位是{fact}。"), ("formula", "{term}的公式是 {fact}。")]
    assert sentences_in(RIGHT + BESIDE[:-1], FIELD) == []


def test_late_answers_are_counted_and_refusals_are_neither():
    replies = [said(RIGHT), said(RIGHT, False), Reply("知识卡片里没有这个概念。", found=False)]
    assert by_the_model(phrased("", replies=replies, samples=[ASKED] * 3)).outcomes == [1, 0]


@pytest.fixture
def deployed(merged, tmp_path) -> Callable[[float], Subject]:  # noqa: F811
    (tmp_path / "generator").mkdir()
    export_generator(tmp_path / "generator", merged=merged, config={"opset": 18, "max_length": 256})
    model, decision = build(tmp_path / "built")

    def subject(patience: float) -> Subject:
        me = workspace(tmp_path / f"me-{patience}", phrasing_ms=patience)
        deploy(Workspace.open(me.root), model, decision, tmp_path / "generator")
        return Subject("assistant", model, decision, 1, {"assistant": "key"}, workspace=me.root)

    return subject


@pytest.mark.slow
def test_the_cards_are_asked_in_a_process_of_their_own(deployed):
    question = Sample("场强的单位是什么", "simple_qa", {"card": "电场强度", "course": "电磁学", "aspect": "unit"})
    patient, hasty = (phrase_all(subject, Cards.read(Workspace.open(subject.workspace).cards), [question])
                      for subject in (deployed(60_000), deployed(0.001)))
    assert made_up(patient).value == 0 and by_the_model(patient).outcomes == [1] and facts_lost(patient).candidate == [1]
    assert by_the_model(hasty).outcomes == [0] and hasty.replies == hasty.templates
