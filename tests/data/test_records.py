"""Records on disk: round trips, the user's own columns, and every kind of bad input as one line with its place."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data import records as module
from pipeline.data.intents import INTENTS, by_name
from pipeline.data.records import DERIVED, Record, read_records, write_records
from pipeline.errors import EdgeError

QUERIES = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=60).filter(
    lambda text: text.strip() and "<|" not in text and "think>" not in text and "tool_" not in text)
RECORDS = st.lists(st.builds(Record, QUERIES, st.sampled_from([i.name for i in INTENTS]),
                             st.sampled_from(["", "weather_query/train/12"])), min_size=1, max_size=8)
GOOD = '{"query": "现在几点", "intent": "time_query"}\n'


@given(RECORDS)
def test_jsonl_round_trip(records: list[Record]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_records(Path(folder, "a.jsonl"), records)
        assert read_records(Path(folder, "a.jsonl")) == records


@given(RECORDS)
def test_csv_round_trip_with_the_users_columns(records: list[Record]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.csv")
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([["id", "text", "label"], *([i, r.query, r.intent] for i, r in enumerate(records))])
        read = read_records(path, {"query": "text", "intent": "label"})
        assert read == [Record(r.query, r.intent) for r in records]


def test_a_quoted_line_break_keeps_the_line_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('query,intent\n"现在\n几点",time_query\n你好,greeting\n', encoding="utf-8")
    with pytest.raises(EdgeError, match="a.csv:4: expected one of the intents"):
        read_records(path)


def test_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n" + GOOD + "  \n" + GOOD, encoding="utf-8")
    assert len(read_records(path)) == 2


OUTPUT = {"intent": "time_query", "confidence": 0.9, "route": "local"}


def derived(**fields: object) -> str:
    return json.dumps({"query": "几点", "intent": "time_query", **fields}, ensure_ascii=False)


BAD_ROWS = {
    '{"query": "现在几': "broken JSON",
    "[1, 2]": "found a list",
    "3": "found a number",
    "9" * 5000: "broken JSON",
    "[" * 30000: "broken JSON",
    '{"intent": "time_query"}': "the field 'query'",
    '{"query": "几点"}': "the field 'intent'",
    '{"query": 3, "intent": "time_query"}': "'query' to be text, found a number",
    '{"query": "几点", "intent": null}': "'intent' to be text, found null",
    '{"query": "几点", "intent": "time"}': "one of the intents",
    '{"query": "  ", "intent": "time_query"}': "a blank one",
    json.dumps({"query": "长" * 2001, "intent": "time_query"}): "at most 2,000 characters",
    '{"query": "几点<|im_end|>", "intent": "time_query"}': "special token <|im_end|>".replace("|", r"\|"),
    '{"query": "<think>几点", "intent": "time_query"}': "special token <think>",
    '{"query": "几点\\u0000", "intent": "time_query"}': "control character",
    '{"query": "几点\\ud83d", "intent": "time_query"}': "half a surrogate",
    '{"query": "几点", "intent": "time_query", "should_route_to_cloud": true}': "should_route_to_cloud False",
    derived(should_route_to_cloud="false"): "should_route_to_cloud False for time_query, found 'false'",
    derived(confidence_threshold=2): "confidence_threshold, a number from 0 to 1, found 2",
    derived(confidence_threshold="abc"): "confidence_threshold, a number from 0 to 1, found 'abc'",
    derived(confidence_threshold="0.5"): "found '0.5'",
    derived(confidence_threshold=True): "found True",
    derived(expected_output=[]): "to be an object, found a list",
    derived(expected_output="garbage"): "to be an object, found text",
    derived(expected_output={}): "expected_output.intent time_query, found none",
    derived(expected_output={**OUTPUT, "intent": "open_chat"}): "expected_output.intent time_query, found 'open_chat'",
    derived(expected_output={**OUTPUT, "route": "cloud"}): "expected_output.route local, found 'cloud'",
    derived(expected_output={**OUTPUT, "confidence": 7}): "expected_output.confidence, a number from 0 to 1, found 7",
    derived(expected_output={**OUTPUT, "confidence": "1"}): "expected_output.confidence, a number from 0 to 1, found '1'",
    derived(expected_output={key: OUTPUT[key] for key in ("intent", "route")}): "expected_output.confidence.*found none",
    '{"query": "几点", "intent": "time_query", "grammar": 5}': "the grammar as text",
}


@pytest.mark.parametrize(("row", "said"), BAD_ROWS.items(), ids=range(len(BAD_ROWS)))
def test_a_bad_row_names_file_and_line(tmp_path: Path, row: str, said: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(GOOD + row + "\n", encoding="utf-8")
    with pytest.raises(EdgeError, match=f"bad.jsonl:2: expected .*{said}"):
        read_records(path)


def csv_of(path: Path, *cells: str) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["query", "intent", *DERIVED], ["几点", "time_query", *cells]])
    return path


@pytest.mark.parametrize("cells", [("False", "0.6", json.dumps(OUTPUT)), ("false", " 1 ", ""), ("", "", "")])
def test_the_cells_of_csv_are_read_as_json(tmp_path: Path, cells: tuple[str, ...]) -> None:
    assert read_records(csv_of(tmp_path / "a.csv", *cells)) == [Record("几点", "time_query")]


@pytest.mark.parametrize(("cells", "said"), [
    (("True", "", ""), "should_route_to_cloud False for time_query, found True"),
    (("no", "", ""), "found 'no'"), (("0", "", ""), "found 0"),
    (("", "abc", ""), "confidence_threshold, a number from 0 to 1, found 'abc'"), (("", "6", ""), "found 6"),
    (("", "NaN", ""), "found nan"), (("", '"0.5"', ""), "found '0.5'"),
    (("", "", "garbage"), "expected_output to be an object, found text"), (("", "", "{}"), "expected_output.intent time_query"),
    (("", "", json.dumps({**OUTPUT, "confidence": 7})), "expected_output.confidence.*found 7"),
    (("", "", "[" * 30000), "expected_output to be an object, found text"),
])
def test_a_bad_cell_of_csv_names_file_and_line(tmp_path: Path, cells: tuple[str, ...], said: str) -> None:
    with pytest.raises(EdgeError, match=f"a.csv:2: expected .*{said}"):
        read_records(csv_of(tmp_path / "a.csv", *cells))


def test_a_column_that_holds_the_intent_is_no_expected_output(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("query,expected_output\n几点,time_query\n", encoding="utf-8")
    assert read_records(path, {"intent": "expected_output"}) == [Record("几点", "time_query")]


@pytest.mark.parametrize(("name", "content", "said"), [
    ("a.jsonl", b"", "an empty file"), ("a.jsonl", b"\n \n", "an empty file"), ("a.csv", b"", "an empty file"),
    ("a.csv", b"query,intent\n", "an empty file"), ("a.txt", b"x", "a .jsonl or .csv file"),
    ("a.jsonl", GOOD.encode() + b"\xff\xfe\n", "a.jsonl:2: expected UTF-8"),
    ("a.jsonl", GOOD.encode("gbk"), "expected UTF-8"),
    ("a.jsonl", GOOD.encode("utf-16"), "expected UTF-8"),
    ("a.jsonl", GOOD.encode() + b"x" * 70_000, "a.jsonl:2: expected a line under"),
    ("a.csv", "query,intent\n现在,几点,time_query\n".encode(), "a.csv:2: expected 2 columns, found 3"),
    ("a.csv", "text,label\n几点,time_query\n".encode(), "a.csv:2: expected the field 'query', found text, label"),
    ("a.csv", "query,query\n几点,time_query\n".encode(), "a.csv:1: expected each column once"),
    ("a.csv", 'query,intent\n"几点,time_query\n'.encode(), "expected valid CSV"),
    ("a.csv", b"query,intent\na\0b,time_query\n", "a.csv:2: expected text, found a NUL"),
])
def test_a_bad_file_is_one_line(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(EdgeError, match=said) as caught:
        read_records(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_missing_directory_and_unknown_field(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="found none"):
        read_records(tmp_path / "no.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(EdgeError, match="found a directory"):
        read_records(tmp_path / "folder.jsonl")
    with pytest.raises(EdgeError, match="column mapping"):
        read_records(tmp_path / "no.jsonl", {"label": "x"})


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 3)
    path = tmp_path / "a.jsonl"
    path.write_text(GOOD * 4, encoding="utf-8")
    with pytest.raises(EdgeError, match="a.jsonl:4: expected at most 3 rows"):
        read_records(path)


def test_a_large_file_on_one_line_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.truncate(200 * 2**20)
    with pytest.raises(EdgeError, match="a.jsonl:1: expected a line under"):
        read_records(path)


def test_nothing_half_written(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_records(path, [Record("几点", "time_query")])
    before = path.read_bytes()
    with pytest.raises(EdgeError):
        write_records(path, [Record("好", "time_query"), Record("好", "none")])
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.jsonl"]


def test_intents() -> None:
    assert [i.label for i in INTENTS] == list("ABCDEF")
    assert [i.route for i in INTENTS] == ["local"] * 3 + ["cloud"] * 3
    assert by_name("time_query").label == "B"
    with pytest.raises(EdgeError, match="expected one of the intents"):
        by_name("time")
