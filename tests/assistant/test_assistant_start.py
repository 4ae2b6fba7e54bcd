"""What a start need not do again: counting the examples, reading the cards, understanding a question twice.  All of it stays right."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline.edge.assistant.cards import Cards
from pipeline.edge.assistant.record import counted
from pipeline.edge.assistant.record.counted import read_tables
from pipeline.edge.assistant.record.examples import examples, topic_names
from pipeline.edge.assistant.record.understanding import understand


@pytest.fixture
def writable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)


def same(left: counted.Tables, right: counted.Tables) -> bool:
    return left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


@pytest.fixture(scope="module")
def right() -> counted.Tables:
    return read_tables(Path("nowhere"))


@pytest.mark.usefixtures("writable")
def test_tables_are_kept_and_read_back_without_counting(tmp_path: Path, right: counted.Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_tables(tmp_path / "counted.npz")
    monkeypatch.setattr(counted, "count_runs", None)
    assert same(first, right) and same(read_tables(tmp_path / "counted.npz"), right)


@pytest.mark.usefixtures("writable")
@pytest.mark.parametrize("changed", ["examples.txt", "topics.txt", "cues.py", "marks.py"])
def test_tables_of_other_examples_or_code_are_made_again(changed: str, tmp_path: Path, right: counted.Tables,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    folder, kept = tmp_path / "record", tmp_path / "counted.npz"
    shutil.copytree(Path(counted.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(counted, "__file__", str(folder / "counted.py"))
    read_tables(kept)
    before = kept.read_bytes()
    (folder / changed).write_text((folder / changed).read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert same(read_tables(kept), right) and kept.read_bytes() != before


@pytest.mark.usefixtures("writable")
@pytest.mark.parametrize("spoilt", [b"", b"no archive", b"PK\x03\x04", None])
def test_tables_that_are_damaged_are_made_again(spoilt: bytes | None, tmp_path: Path, right: counted.Tables) -> None:
    kept = tmp_path / "counted.npz"
    if spoilt is None:  # a bit in the middle of what was right
        read_tables(kept)
        content = bytearray(kept.read_bytes())
        content[len(content) // 2] ^= 1
        spoilt = bytes(content)
    kept.write_bytes(spoilt)
    assert same(read_tables(kept), right) and kept.read_bytes() != spoilt


def test_where_byte_code_is_not_written_nothing_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    read_tables(tmp_path / "counted.npz")
    assert not list(tmp_path.iterdir())


def test_an_example_or_name_more_changes_what_is_counted(right: counted.Tables) -> None:
    assert right["cues_sizes"].sum() == sum(map(len, examples().values()))
    assert right["names_times0"].sum() == sum(len(name) + 1 for name in topic_names())


def cards_of(tmp_path: Path, term: str) -> Cards:
    """As a student has just written them."""
    (tmp_path / "cards.yaml").write_text(yaml.safe_dump({"cards": [{"term": term, "facts": {"definition": "一个"}}]}), encoding="utf-8")
    return Cards.read(tmp_path / "cards.yaml", kept=tmp_path / "cards.json")


def test_cards_are_read_from_what_was_kept_until_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cards_of(tmp_path, "栈").cards == cards_of(tmp_path, "栈").cards
    assert [card.term for card in cards_of(tmp_path, "堆").cards] == ["堆"]
    monkeypatch.setattr("pipeline.edge.assistant.kept.read_model", None)
    assert [card.term for card in cards_of(tmp_path, "堆").cards] == ["堆"]


@pytest.mark.parametrize("kept", [b"", b"{", b"[]", b"null", b'{"of": "x"}', b"\xff", b"[" * 100_000, "other"])
def test_kept_cards_that_are_spoilt_are_read_again(kept: bytes | str, tmp_path: Path) -> None:
    cards_of(tmp_path, "栈")
    file = tmp_path / "cards.json"
    right = json.loads(file.read_bytes())
    file.write_bytes(json.dumps({**right, "content": {"cards": [{"term": ""}]}}).encode() if isinstance(kept, str) else kept)
    assert [card.term for card in cards_of(tmp_path, "栈").cards] == ["栈"] and json.loads(file.read_bytes()) == right


def test_a_question_is_understood_anew_with_other_courses_or_words(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    marked = understand.__globals__["marked"]
    monkeypatch.setitem(understand.__globals__, "marked", lambda question, courses: asked.append(question) or marked(question, courses))
    for question in ("今天学了40分钟", "今天学了40分钟" + "。" * 300, "今天学了40分钟" + "。" * 400, "今天学了50分钟", "今天学了40分钟"):
        found = understand(question, [])
        assert found and found.arguments["minutes"] == (50 if "50" in question else 40)
    assert len(asked) == 4  # what is behind the first 200 characters is not looked at
