"""Phase 15: the answers of the cards in a model's words; its training takes minutes and is asked for with --assistant."""

import pytest

from pipeline.data.assistant.wishes import BOTH, BRIEF, PLAIN
from pipeline.edge.assistant.cards import Cards
from pipeline.measure.card_answers import simple
from pipeline.measure.latency import latency
from pipeline.measure.phrasing import by_the_model, facts_lost, made_up, phrase_all, wish_kept

WISHES = {BRIEF: ("kept brief", "应要求简短作答"), PLAIN: ("defined in plain words", "应要求通俗作答"),
          BOTH: ("answered with both facts", "两问俱答")}


@pytest.mark.claim("assistant.phrasing_made_up")
def test_the_model_makes_nothing_up(check, phrased):
    check(made_up(phrased))


@pytest.mark.claim("assistant.phrasing_facts")
def test_the_model_loses_no_fact(check, phrased):
    check(facts_lost(phrased))


@pytest.mark.parametrize("wish", WISHES)
def test_wishes_beside_the_targets(check, phrased, wish):
    title, caption = WISHES[wish]
    check.observe(f"assistant.phrasing_{wish}", f"questions {title} where that was wished", f"{caption}的比例", "15 assistant",
                  wish_kept(phrased, wish))


@pytest.mark.claim("assistant.phrasing_p95")
def test_simple_questions_are_phrased_fast(check, phrasing_assistant, assistant_challenge, settled):
    asked = [sample.query for sample in simple(assistant_challenge)]
    check(latency(phrasing_assistant, asked, settled=settled("assistant.phrasing_p95"), metric="answer_latency"))


def test_how_often_the_model_is_in_time(check, phrasing_assistant, students_workspace, assistant_challenge):
    check.observe("assistant.phrasing_in_time", "simple questions answered in the model's words, for it was in time",
                  "模型及时组织语言的比例", "15 assistant",
                  by_the_model(phrase_all(phrasing_assistant, Cards.read(students_workspace.cards), assistant_challenge)))
