"""Texts: what a file holds is what is read, and what is of no use is told in one line."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.environment import UnavailableError
from pipeline.errors import EdgeError
from pipeline.precision.texts import BLOCK, Texts, some, texts
from pipeline.runtime.prompt import read_tokenizer

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
    all_of_them = list(range(100))
    assert (found := some(all_of_them, 10)) == some(all_of_them, 10) == sorted(found) and len(set(found)) == 10
    assert some(all_of_them, None) == some(all_of_them, 100) == all_of_them


def test_texts_without_a_token_to_predict_are_left_out(merged):
    assert len(Texts("a", ("", "<|im_end|>", "今天天气怎么样", "现在几点了")).encoded(merged)) == 2
    assert [len(one) for one in Texts("a", ("今天天气怎么样" * 9,)).encoded(merged, 5)] == [5]
    with pytest.raises(EdgeError, match="two tokens"):
        Texts("a", ("", "<|im_end|>")).encoded(merged)


ROWS = ["", " = 天气 = \n", "", " 今天天气怎么样 \n", " If it rains tomorrow , 出门要不要带伞？ \n", ""] * 9


def test_wikitext_is_one_running_text_in_blocks(merged, monkeypatch):
    """As its figures are published: the rows joined by an empty line, tokenised once, what is left over at the end gone."""
    import datasets

    for flag in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.delenv(flag, raising=False)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **asked: [{"text": row} for row in ROWS] if asked["split"] == "test" else [])
    found = texts("wikitext")
    assert found == Texts("wikitext", tuple(ROWS), BLOCK)
    whole = read_tokenizer(merged).encode("\n\n".join(ROWS), add_special_tokens=False).ids
    assert found.encoded(merged, longest=3) == [whole]  # shorter than a block
    cut = Texts("wikitext", tuple(ROWS), 16).encoded(merged)
    assert cut == [whole[at:at + 16] for at in range(0, len(whole) // 16 * 16, 16)] and len(cut) > 9
    assert len(drawn := Texts("wikitext", tuple(ROWS), 16).encoded(merged, most=4)) == 4 and all(block in cut for block in drawn)


def test_a_chat_prompt_keeps_its_control_tokens(merged):
    ids, = Texts("a", ("<|im_start|>user\n现在几点了<|im_end|>",)).encoded(merged)
    assert json.loads((merged / "tokenizer.json").read_text())["added_tokens"][0]["id"] <= ids[0] and len(ids) < 20
