"""Ratings: none without consent, no question unless that was agreed, nothing lost to a torn line."""

from __future__ import annotations

import builtins
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.edge.assistant.rating_form import rate, show, withdraw
from pipeline.edge.assistant.ratings import Consent, Ratings, satisfied
from pipeline.errors import EdgeError
from pipeline.measure.measurement import NotMeasured, Proportion
from pipeline.measure.satisfaction import satisfaction


@pytest.fixture
def ratings(tmp_path):
    found = Ratings(tmp_path)
    found.agree(Consent(True))
    return found


def test_nothing_is_kept_without_consent(tmp_path):
    for consent in (None, Consent(False), Consent(None, True)):
        if consent:
            Ratings(tmp_path).agree(consent)
        with pytest.raises(EdgeError, match="consent"):
            Ratings(tmp_path).add(task=None, stars=5)
    assert not (tmp_path / "ratings.jsonl").exists()


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"ratings": 1}', b'{"ratings": "true"}', b"\xff", b'{"ratings": null}'])
def test_a_damaged_consent_agrees_to_nothing(ratings, tmp_path, damage):
    (tmp_path / "consent.json").write_bytes(damage)
    with pytest.raises(EdgeError, match="consent"):
        ratings.add(task=None, stars=5)


@pytest.mark.parametrize("questions", [False, True])
def test_the_question_is_kept_only_where_that_was_agreed(ratings, questions):
    ratings.agree(Consent(True, questions))
    ratings.add(task="simple_qa", stars=4, question="我的秘密")
    assert ("我的秘密" in ratings.file.read_text(encoding="utf-8")) == questions
    assert ratings.read()[0].question == ("我的秘密" if questions else None)


@given(st.lists(st.one_of(st.integers(1, 5), st.booleans()), max_size=20))
def test_what_is_added_is_read(tmp_path_factory, said):
    ratings = Ratings(tmp_path_factory.mktemp("ratings"))
    ratings.agree(Consent(True))
    for one in said:
        ratings.add(task="course_resource", **({"satisfied": one} if isinstance(one, bool) else {"stars": one}))
    assert satisfied(ratings.read()) == [int(one) if isinstance(one, bool) else int(one >= 4) for one in said]


@pytest.mark.parametrize("wrong", [{}, {"stars": 0}, {"stars": 6}, {"stars": True}, {"stars": 3, "satisfied": True}, {"satisfied": 1},
                                   {"stars": 3, "task": "weather"}, {"stars": "5"}])
def test_what_is_no_rating_is_refused(ratings, wrong):
    with pytest.raises(EdgeError, match="expected"):
        ratings.add(**{"task": None, **wrong})
    assert not ratings.file.exists()


def test_a_refused_rating_leaves_no_consent(tmp_path, monkeypatch):
    for refused in ({"stars": 9}, {"stars": 3, "satisfied": True}):
        with pytest.raises(EdgeError, match="expected"):
            Ratings(tmp_path).add(task=None, agreed=Consent(True), **refused)
        with pytest.raises(EdgeError, match="expected"):
            rate(tmp_path, agree=True, **refused)
        assert Ratings(tmp_path).consent == Consent()
    Ratings(tmp_path).add(task=None, agreed=Consent(True), stars=5)
    assert Ratings(tmp_path).consent == Consent(True)


def test_after_withdrawing_nothing_is_kept_until_it_is_agreed_anew(ratings, tmp_path, capsys):
    ratings.agree(Consent(True, True))
    ratings.add(task=None, stars=5, question="问")
    assert withdraw(tmp_path) == 0 and str(ratings.file) in capsys.readouterr().out
    with pytest.raises(EdgeError, match="consent"):
        ratings.add(task=None, stars=4)
    assert [rating.stars for rating in ratings.read()] == [5]
    assert rate(tmp_path, stars=4, agree=True, question="问") == 0 and ratings.read()[1].question is None
    assert withdraw(tmp_path / "new") == 0 and not (tmp_path / "new" / "ratings.jsonl").exists()


def test_a_torn_line_costs_itself_alone(ratings):
    for stars in (5, 1):
        ratings.add(task=None, stars=stars)
    ratings.file.write_bytes(ratings.file.read_bytes()[:-9])
    ratings.add(task=None, stars=4)
    mistakes: list[str] = []
    assert [rating.stars for rating in ratings.read(mistakes)] == [5, 4] and len(mistakes) == 1 and ":2:" in mistakes[0]
    measured = satisfaction(ratings.file.parent)
    assert isinstance(measured, Proportion) and measured.outcomes == [1, 1] and measured.details["skipped"] == mistakes


def test_many_at_once_lose_none(ratings):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda stars: ratings.add(task=None, stars=stars), [1, 2, 3, 4, 5] * 20))
    assert len(ratings.read()) == 100


def test_the_meter(ratings, tmp_path):
    found = satisfaction(tmp_path)
    assert isinstance(found, NotMeasured) and "/rate" in found.reason
    ratings.add(task="simple_qa", stars=5)
    ratings.add(task="simple_qa", satisfied=False)
    found = satisfaction(tmp_path)
    assert found.outcomes == [1, 0] and found.details["by_task"] == {"simple_qa": [1, 2]}


def test_the_form_asks_before_it_keeps(tmp_path, monkeypatch, capsys):
    said = iter(["n", "y", "y", "7", "五", "4", ""])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(builtins, "input", lambda prompt: next(said))
    assert rate(tmp_path) == 1 and not (tmp_path / "ratings.jsonl").exists()
    assert rate(tmp_path, "simple_qa", question="问") == 0 and Ratings(tmp_path).read()[0].question == "问"
    assert rate(tmp_path) == 1 and len(Ratings(tmp_path).read()) == 1
    assert show(tmp_path) == 0 and "1 次评分，满意 1 次：100.0%，区间 [5.0%, 100.0%]" in capsys.readouterr().out


def test_where_nobody_can_be_asked_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(EdgeError, match="--agree"):
        rate(tmp_path, stars=5)
    with pytest.raises(EdgeError, match="--stars"):
        rate(tmp_path, agree=True)
    assert rate(tmp_path, stars=5, agree=True) == rate(tmp_path, satisfied=False) == 0
    assert satisfied(Ratings(tmp_path).read()) == [1, 0]


def test_a_file_of_something_else_is_named(ratings):
    ratings.file.write_text(json.dumps({"stars": 5, "time": "t", "url": "x"}) + "\n")
    with pytest.raises(EdgeError, match="'url'"):
        ratings.read()
