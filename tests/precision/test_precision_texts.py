"""Texts: what a file holds is what is read, and what is of no use is told in one line."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.environment import UnavailableError
from pipeline.errors import EdgeError
from pipeline.precision.texts import Texts, texts

words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=9)
blocks = st.lists(st.lists(words, min_size=1, max_size=3).map("\n".join), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("texts")


@given(blocks)
@settings(deadline=None)
def test_blank_lines_part_texts_and_nothing_is_lost(folder, found):
    (file := folder / "some.txt").write_text("\n \n\n".join(found) + "\n", encoding="utf-8", newline="")
    assert list(texts(str(file)).documents) == (found if len(found) > 1 else found[0].split("\n"))


def test_without_a_blank_line_each_line_is_a_text(folder):
    (file := folder / "lines.txt").write_text("\none\n two\nthree\n", encoding="utf-8")
    assert list(texts(str(file)).documents) == ["one", "two", "three"]


def test_a_jsonl_has_a_text_a_line(tmp_path):
    (file := tmp_path / "a.jsonl").write_text('"one"\n{"text": "two", "query": "no"}\n\n{"intent": "x", "query": "three"}\n')
    assert texts(str(file)).documents == ("one", "two", "three")


@pytest.mark.parametrize(("name", "content", "why"), [
    ("a.txt", b"", "at least one text"), ("a.txt", b" \n\n", "at least one text"), ("a.txt", b"\xff\xfe", "UTF-8"),
    ("a.jsonl", b"{\n", "a.jsonl:1: expected one JSON"), ("a.jsonl", b'"a"\n{"x": 1}\n', "a.jsonl:2: expected a text"),
    ("a.jsonl", b'{"text": 3}\n', "expected a text"), ("gone", None, "wikitext or c4")])
def test_what_holds_no_texts_is_a_mistake_in_one_line(tmp_path, name, content, why):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(EdgeError, match=why) as error:
        texts(str(tmp_path / name))
    assert "\n" not in str(error.value)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(EdgeError):
        texts(str(tmp_path / "pipe.txt"))


def test_without_a_hub_a_data_set_is_not_measured_and_says_why(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnavailableError, match="wikitext is read from a hub .Salesforce/wikitext., and HF_HUB_OFFLINE is set"):
        texts("wikitext")


def test_some_texts_are_the_same_ones_each_time_in_their_order():
    all_of_them = Texts("a", tuple(map(str, range(100))))
    some = all_of_them.some(10)
    assert some == all_of_them.some(10) and list(map(int, some.documents)) == sorted(map(int, some.documents))
    assert all_of_them.some(None) == all_of_them.some(100) == all_of_them


def test_texts_without_a_token_to_predict_are_left_out(merged):
    assert len(Texts("a", ("", "<|im_end|>", "今天天气怎么样", "现在几点了")).encoded(merged)) == 2
    assert [len(one) for one in Texts("a", ("今天天气怎么样" * 9,)).encoded(merged, 5)] == [5]
    with pytest.raises(EdgeError, match="two tokens"):
        Texts("a", ("", "<|im_end|>")).encoded(merged)


def test_a_chat_prompt_keeps_its_control_tokens(merged):
    ids, = Texts("a", ("<|im_start|>user\n现在几点了<|im_end|>",)).encoded(merged)
    assert json.loads((merged / "tokenizer.json").read_text())["added_tokens"][0]["id"] <= ids[0] and len(ids) < 20
