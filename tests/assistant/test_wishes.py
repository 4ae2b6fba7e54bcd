"""What the phrasing model is trained on: every fact that is asked for is in its plan, and no held-out wording of a wish is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.data.assistant.courses import all_courses
from pipeline.data.assistant.generate import generate
from pipeline.data.assistant.sample import Sample, read_samples
from pipeline.data.assistant.wishes import BOTH, BRIEF, HELD_OUT, KINDS, PLAIN, TRAIN, Wish, wishes, words
from pipeline.edge.assistant.aspects import aspect_of
from pipeline.edge.assistant.plans import grammar, plan_of, sentences_of
from pipeline.edge.constraint import Constraint, grammar_tokenizer
from pipeline.errors import EdgeError
from pipeline.runtime.prompt import read_tokenizer
from pipeline.train.phrasing_rows import read_rows, right_plan
from tests.assistant.tasks_model import build

CARDS = {card.term: card for course in all_courses() for chapter in course.chapters for card in chapter.cards}
FIELD = CARDS["电场强度"]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    generate(folder := tmp_path_factory.mktemp("data"), train=400, validation=40, test=40, challenge=40)
    return folder


@pytest.fixture(scope="module")
def made(data) -> list[Wish]:
    return list(wishes(read_samples(data / "train.jsonl"), TRAIN, "seed"))


@pytest.fixture(scope="module")
def tokens(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("tasks"))[1]


def test_every_kind_of_wish_is_made(made):
    assert {wish.kind for wish in made} == {"", *KINDS}
    assert all(len(wish.aspects) == (2 if wish.kind == BOTH else 1) for wish in made)


def test_a_plan_tells_every_fact_that_is_asked_and_where_it_is_to_be_brief_no_other(made):
    for wish in made:
        told = [name for name, _ in sentences_of(plan_of(right_plan(wish)), wish.card.facts)]
        assert tuple(told[:len(wish.aspects)]) == wish.aspects
        assert len(told) == len(wish.aspects) or not wish.brief and told[1:] == [aspect_of(told[0]).then]


def test_what_goes_with_a_fact_is_told_unless_it_shall_be_brief():
    def told(kind: str) -> list[str]:
        return [name for name, _ in right_plan(Wish("电场强度的公式", FIELD, ("formula",), kind))]

    assert told("") == ["formula", "unit"] and told(BRIEF) == ["formula"]


def test_a_plain_definition_is_in_the_plain_words():
    (_, opening), *_ = right_plan(Wish("什么是电场强度", FIELD, ("definition",), PLAIN))
    assert opening.startswith("简单说")


def test_a_right_plan_can_be_written_under_the_grammar_whatever_the_words_name(made, tokens):
    tokenizer = read_tokenizer(tokens)
    grammars = grammar_tokenizer(tokenizer, tokenizer.token_to_id("<|im_end|>"))
    for wish in made[::7]:
        for named in (wish.aspects, wish.aspects[:1], ()):
            constraint = Constraint(grammars, grammar(list(wish.card.facts), named), "phrasing")
            for token in tokenizer.encode(plan_of(right_plan(wish)), add_special_tokens=False).ids:
                constraint.accept(token)


def test_a_question_for_two_facts_is_of_one_card():
    asked = [Sample("电场强度的单位", "simple_qa", {"card": "电场强度", "course": "电磁学", "aspect": "unit"}),
             Sample("帮我写下电容的公式", "simple_qa", {"card": "电容", "course": "电磁学", "aspect": "formula"})]
    joined = next(wish for wish in wishes(asked, TRAIN, "seed") if wish.kind == BOTH and wish.card is FIELD)
    assert joined.aspects == ("unit", "formula") and "电容" not in joined.question and "帮我写下" in joined.question


def test_no_wording_that_is_judged_was_trained(data, made):
    trained = "".join(wish.question for wish in made)
    judged = list(wishes(read_samples(data / "validation.jsonl"), HELD_OUT, "seed"))
    for kind in (BRIEF, PLAIN):
        assert not [said for said in words()[kind][HELD_OUT] if said in trained]
        said = [wish for wish in judged if wish.kind == kind and any(word in wish.question for word in words()[kind][HELD_OUT])]
        assert said and not [wish for wish in said if any(word in wish.question for word in words()[kind][TRAIN])]


def test_rows_end_their_turn_and_hold_no_fact(data, tokens):
    rows = read_rows(data / "validation.jsonl", tokens, {"max_length": 2000})
    tokenizer = read_tokenizer(tokens)
    for row in rows:
        _, user, answer = (message["content"] for message in row.conversation["messages"])
        assert answer.endswith("<|im_end|>")
        assert tokenizer.decode(row.ids[-row.answered:], skip_special_tokens=False) == answer
        assert not [fact for card in CARDS.values() for fact in card.facts.values() if len(fact) > 6 and fact in user + answer]


def test_a_sample_without_its_card_or_fact_makes_none():
    known = {"card": FIELD.term, "course": "电磁学"}
    samples = [Sample("是啥", "simple_qa", {**known, "aspect": "颜色"}), Sample("学了多久", "learning_tracking", {"operation": "streak"}),
               Sample("是啥", "simple_qa", {"card": "没有这张", "aspect": "unit"})]
    assert list(wishes(samples, TRAIN, "seed")) == []
    assert list(wishes([Sample("是啥", "simple_qa", {**known, "aspect": "unit"})], TRAIN, "seed"))


def test_rows_that_do_not_fit_and_a_file_without_questions_are_told(data, tokens, tmp_path):
    with pytest.raises(EdgeError, match="expected at most 20 tokens"):
        read_rows(data / "validation.jsonl", tokens, {"max_length": 20})
    none = tmp_path / "none.jsonl"
    none.write_text("".join(line + "\n" for line in (data / "validation.jsonl").read_text().splitlines() if '"simple_qa"' not in line))
    with pytest.raises(EdgeError, match="expected simple questions"):
        read_rows(none, tokens, {"max_length": 2000})
