"""Conversion loses nothing between any two formats, and says of each row that cannot go why."""

from __future__ import annotations

import json
import os
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cli import main
from pipeline.data.convert import convert
from pipeline.data.formats import TRAINED
from pipeline.data.formats.alpaca import SPLIT
from pipeline.data.formats.messages import TAKEN
from pipeline.data.generate import generate
from pipeline.data.records import check_query
from pipeline.errors import EdgeError

SYSTEM = "判断意图"
FORMATS = ("records", *TRAINED)
TURN = {"messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "几点了"}, {"role": "assistant", "content": "B"}]}
ALPACA = {"instruction": "几点了", "input": "", "output": "B", "system": SYSTEM}
REWRITING = {"messages": [{"role": "system", "content": "改写问题"}, {"role": "user", "content": "北京明天会下雨吗\n那后天呢？"},
                          {"role": "assistant", "content": "北京后天会下雨吗"}], "grammar": "rewriting/train/3"}
TOOLS = {"messages": [{"role": "system", "content": "选择工具"}, {"role": "user", "content": "三加五"},
                      {"role": "assistant", "content": '{"name": "calculate", "arguments": {"a": "三", "op": "加", "b": "五"}}'}]}


def write(path: Path, *rows: Any) -> Path:
    """One line a row; a text stands as it is."""
    lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("data"), train=60, validation=12, test=12, challenge=12)["train"]


@pytest.mark.parametrize(("one", "other"), list(product(FORMATS, FORMATS)))
def test_records_come_back_byte_for_byte(one: str, other: str, records: Path, tmp_path: Path) -> None:
    files = [records, *(tmp_path / f"{number}.jsonl" for number in range(3))]
    names = ["records", one, other, "records"]
    for place in range(3):
        done = convert(files[place], files[place + 1], names[place + 1], names[place], system=SYSTEM)
        assert (done.parsed, done.dropped, done.duplicates) == (60, (), ())
    assert files[3].read_bytes() == records.read_bytes()
    assert "grammar" in rows(files[2])[0]


def _fit(text: str) -> bool:
    try:
        check_query(text, "")
    except EdgeError:
        return False
    return True


TEXT = st.text(min_size=1, max_size=12).filter(_fit) | st.sampled_from(["a\nb", "\n几点", "几点\u2028", "\\n", '"', "一\r\n二"])
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6)
EXTRAS = st.dictionaries(TEXT.filter(lambda name: name not in TAKEN | {"instruction", "input", "output", "prompt", "completion"}),
                         JSON, max_size=3)


@st.composite
def alpaca_rows(draw: st.DrawFn) -> dict[str, Any]:
    row = {"instruction": draw(TEXT), "input": draw(TEXT | st.just("")), "output": draw(TEXT)}
    if draw(st.booleans()) and row["input"]:
        row["instruction"] = ""
    if draw(st.booleans()):
        row["system"] = draw(TEXT)
    if history := draw(st.lists(st.lists(TEXT, min_size=2, max_size=2), max_size=2)):
        row["history"] = history
    return row | draw(EXTRAS)


@settings(max_examples=60, deadline=None)
@given(st.lists(alpaca_rows(), min_size=1, max_size=3), st.permutations(["alpaca", "messages", "chat"]))
def test_any_sample_comes_back_from_any_way_round(samples: list[dict[str, Any]], way: list[str]) -> None:
    with TemporaryDirectory() as folder:
        path, of = write(Path(folder, "start.jsonl"), *samples), "alpaca"
        start = path
        for number, to in enumerate([*way, "alpaca"]):
            target = Path(folder, f"{number}.jsonl")
            done = convert(path, target, to, of, system=SYSTEM)
            assert done.dropped == ()
            path, of = target, to
        assert path.read_bytes() == start.read_bytes()


def test_a_record_is_the_question_that_training_asks(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", {"query": "几点了", "intent": "time_query", "grammar": "mine/1", "speaker": 7})
    for to, expected in {"messages": TURN, "chat": TURN, "alpaca": ALPACA}.items():
        convert(source, tmp_path / f"{to}.jsonl", to, system=SYSTEM)
        assert rows(tmp_path / f"{to}.jsonl") == [expected | {"grammar": "mine/1", "speaker": 7}]


def test_what_a_user_s_own_record_says_beyond_its_intent_goes_along(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", {"query": "几点了", "intent": "time_query", "confidence_threshold": 0.7, "by": ["甲"]})
    convert(source, tmp_path / "b.jsonl", "alpaca", system=SYSTEM)
    assert rows(tmp_path / "b.jsonl") == [ALPACA | {"confidence_threshold": 0.7, "by": ["甲"]}]
    convert(tmp_path / "b.jsonl", tmp_path / "c.jsonl", "records", system=SYSTEM)
    (row,) = rows(tmp_path / "c.jsonl")
    assert (row["confidence_threshold"], row["by"], row["expected_output"]["route"]) == (0.7, ["甲"], "local")


def test_a_csv_of_one_s_own_columns(tmp_path: Path) -> None:
    source = tmp_path / "mine.csv"
    source.write_text("text,label,should_route_to_cloud,room\n几点了,time_query,False,客厅\n\"一,二\",open_chat,,\n", encoding="utf-8")
    done = convert(source, tmp_path / "b.jsonl", "messages", system=SYSTEM, columns={"query": "text", "intent": "label"})
    assert done.source == "records" and done.dropped == ()
    first, second = rows(tmp_path / "b.jsonl")
    assert first == TURN | {"room": "客厅"} and second["messages"][1]["content"] == "一,二" and len(second) == 1


def test_function_data_goes_through_every_format_but_records(tmp_path: Path) -> None:
    path = source = write(tmp_path / "functions.jsonl", REWRITING, TOOLS)
    for number, to in enumerate(["alpaca", "chat", "messages"]):
        path, before = tmp_path / f"{number}.jsonl", path
        assert convert(before, path, to, system=SYSTEM).dropped == ()
    assert path.read_bytes() == source.read_bytes()
    done = convert(source, tmp_path / "records.jsonl", "records", system=SYSTEM)
    assert done.parsed == 0 and len(done.dropped) == 2 and "改写问题" in done.dropped[0]
    assert not (tmp_path / "records.jsonl").exists()


def test_a_question_asked_twice_is_told_and_kept(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", TURN, REWRITING, TURN, json.dumps(TURN).replace('"B"', '"A"'))
    done = convert(source, tmp_path / "b.jsonl", "alpaca", system=SYSTEM)
    assert done.parsed == 4 and not done.dropped
    assert [line.split(": ")[0] for line in done.duplicates] == [f"{source}:3", f"{source}:4"]
    assert "line 1" in done.duplicates[0] and "there answered 'B'" in done.duplicates[1]


def message(**changed: Any) -> dict[str, Any]:
    return {"messages": [*TURN["messages"][:2], TURN["messages"][2] | changed]}


BAD = [
    ("messages", "{", "broken JSON"),
    ("messages", '{"messages": [], "messages": []}', "a key stands twice"),
    ("messages", json.dumps(TURN)[:-1] + ', "x": NaN}', "not finite"),
    ("messages", json.dumps(TURN)[:-1] + ', "x": 1e999}', "not finite"),
    ("messages", json.dumps(TURN)[:-1] + ', "x": ' + "1" * 5000 + "}", "broken JSON"),
    ("messages", json.dumps(TURN)[:-1] + ', "x": ' + "[" * 9000 + "]" * 9000 + "}", "recursion"),
    ("messages", TURN | {"x": "\ud800"}, "half a surrogate pair"),
    ("messages", "[1]", "found a list"),
    ("messages", {"messages": "x"}, "found text"),
    ("messages", {"messages": [TURN]}, "role and content alone"),
    ("messages", {"messages": []}, "user and assistant in turn"),
    ("messages", {"messages": TURN["messages"][:2]}, "user and assistant in turn"),
    ("messages", {"messages": [TURN["messages"][1], *TURN["messages"]]}, "user and assistant in turn"),
    ("messages", {"messages": [{"role": "system", "content": ""}, *TURN["messages"][1:]]}, "an empty one"),
    ("messages", message(role="tool_call"), "found user, tool_call"),
    ("messages", message(content=None), "found text and null"),
    ("messages", message(tool_calls=[]), "role and content alone"),
    ("messages", message(content=" "), "a blank one"),
    ("messages", message(content="好<|im_end|>"), "special token"),
    ("messages", message(content="好" * 2001), "at most 2,000"),
    ("messages", TURN | {"instruction": "别的"}, "'instruction' to be how"),
    ("messages", TURN | {"instruction": 3}, "'instruction' to be how"),
    ("messages", TURN | {"output": "x"}, "'output'"),
    ("messages", TURN | {"label": 1}, "'label'"),
    ("alpaca", {"instruction": "几点了"}, "the field 'output'"),
    ("alpaca", ALPACA | {"input": None}, "'input' to be text, found null"),
    ("alpaca", ALPACA | {"history": [["一"]]}, "[user, assistant]"),
    ("alpaca", ALPACA | {"history": "一"}, "[user, assistant], found text"),
    ("alpaca", ALPACA | {"messages": []}, "'messages'"),
    ("records", {"query": "几点了", "intent": "time"}, "one of the intents"),
    ("records", {"query": "几点了", "intent": "time_query", "should_route_to_cloud": True}, "should_route_to_cloud"),
    ("records", {"query": "几点了", "intent": "time_query", "system": "x"}, "'system'"),
]


@pytest.mark.parametrize(("of", "row", "reason"), BAD, ids=[f"{of}-{reason[:24]}" for of, _, reason in BAD])
def test_a_bad_row_is_dropped_by_its_line_and_the_others_are_written(of: str, row: Any, reason: str, tmp_path: Path) -> None:
    good = {"messages": REWRITING, "alpaca": ALPACA, "records": {"query": "几点了", "intent": "time_query"}}[of]
    source = tmp_path / "a.jsonl"
    text = row if isinstance(row, str) else json.dumps(row)
    source.write_text(f"{json.dumps(good)}\n{text}\n", encoding="utf-8")
    done = convert(source, tmp_path / "b.jsonl", "alpaca", of, system=SYSTEM)
    (dropped,) = done.dropped
    assert dropped.startswith(f"{source}:2: expected") and reason in dropped and "\n" not in dropped
    assert done.parsed == len(rows(tmp_path / "b.jsonl")) == 1


@pytest.mark.parametrize(("to", "field"), [("records", "intent"), ("chat", "tools"), ("chat", "completion"), ("messages", "images"),
                                           ("messages", "system_prompt"), ("alpaca", "conversations")])
def test_a_field_that_the_reader_would_take_for_its_own_is_refused(to: str, field: str, tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", TURN | {field: "x"})
    (dropped,) = convert(source, tmp_path / "b.jsonl", to, "messages", system=SYSTEM).dropped
    assert repr(field) in dropped and not (tmp_path / "b.jsonl").exists()


def test_a_derived_field_that_contradicts_the_label_makes_no_record(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", ALPACA | {"should_route_to_cloud": True})
    (dropped,) = convert(source, tmp_path / "b.jsonl", "records", system=SYSTEM).dropped
    assert "should_route_to_cloud False for time_query" in dropped


def test_a_line_that_no_reader_would_take_back_is_not_written(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", {"query": "几点了", "intent": "time_query", "x": "a" * 63_900})
    (dropped,) = convert(source, tmp_path / "b.jsonl", "messages", system=SYSTEM).dropped
    assert "under 64,000 bytes" in dropped


@pytest.mark.parametrize("alias", ["itself", "symlink", "hard link", "by another way"])
def test_the_source_is_never_written_over(alias: str, tmp_path: Path) -> None:
    source, target = write(tmp_path / "a.jsonl", TURN), tmp_path / "b.jsonl"
    if alias == "symlink":
        target.symlink_to(source)
    elif alias == "hard link":
        os.link(source, target)
    else:
        target = source if alias == "itself" else tmp_path / "x" / ".." / "a.jsonl"
        (tmp_path / "x").mkdir()
    before = source.read_bytes()
    with pytest.raises(EdgeError, match="found the source itself"):
        convert(source, target, "alpaca", system=SYSTEM)
    assert source.read_bytes() == before


@pytest.mark.parametrize(("name", "content", "of", "to", "reason"), [
    ("a.jsonl", None, "", "alpaca", "expected a data file, found none"),
    ("a.jsonl", "", "messages", "alpaca", "found an empty file"),
    ("a.jsonl", "", "", "alpaca", "no readable row"),
    ("a.jsonl", "\n\n", "chat", "alpaca", "found an empty file"),
    ("a.jsonl", '{"text": "x"}\n', "", "alpaca", "found those of none in text; name the format with --from"),
    ("a.jsonl", json.dumps(TURN | ALPACA), "", "records", "found those of messages, alpaca, chat"),
    ("a.jsonl", b"\xff\xfe", "", "alpaca", "expected UTF-8"),
    ("a.json", "[]", "", "alpaca", "expected a .jsonl or .csv file"),
    ("a.csv", "text,label\n几点,time_query\n", "", "alpaca", "found those of none in label, text"),
    ("a.jsonl", json.dumps(TURN), "sharegpt", "alpaca", "found 'sharegpt'"),
    ("a.jsonl", json.dumps(TURN), "", "gguf", "found 'gguf'"),
])
def test_a_file_of_no_use_is_one_line(name: str, content: str | bytes | None, of: str, to: str, reason: str, tmp_path: Path,
                                      capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / name
    if content is not None:
        source.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = sorted(tmp_path.iterdir())
    assert main(["data", "convert", str(source), str(tmp_path / "b.jsonl"), "--to", to, *(["--from", of] if of else [])]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line and sorted(tmp_path.iterdir()) == before


def test_a_target_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "a.jsonl", TURN)
    (tmp_path / "b.jsonl").mkdir()
    assert main(["data", "convert", str(source), str(tmp_path / "b.jsonl"), "--to", "chat"]) == 2
    assert "b.jsonl" in capsys.readouterr().err and sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "b.jsonl"]
    with pytest.raises(EdgeError, match="expected a .jsonl file"):
        convert(source, tmp_path / "b.csv", "records", system=SYSTEM)


def test_the_table_and_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = write(tmp_path / "a.jsonl", TURN, TURN), str(tmp_path / "b.jsonl")
    assert main(["data", "convert", str(source), target, "--to", "records"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()[-3:]] == [["parsed", "2"], ["dropped", "0"], ["duplicates", "1"]]
    write(source, TURN, "{")
    assert main(["data", "convert", str(source), target, "--to", "records"]) == 1
    assert [line.split() for line in capsys.readouterr().out.splitlines()[-3:-1]] == [["parsed", "1"], ["dropped", "1"]]


def test_the_split_of_instruction_and_input_is_seen_in_other_formats(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", {"instruction": "翻译", "input": "你好", "output": "hello", "task_type": "qa", "route": "local"})
    convert(source, tmp_path / "b.jsonl", "messages", system=SYSTEM)
    (row,) = rows(tmp_path / "b.jsonl")
    assert row["messages"][0]["content"] == "翻译\n你好" and (row[SPLIT], row["task_type"], row["route"]) == ("翻译", "qa", "local")


@pytest.mark.parametrize("one", TRAINED)
def test_function_data_comes_back_byte_for_byte(one: str, tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl",
                   {"function": "rewriting", "user": "北京明天下雨吗\n那后天呢", "answer": "北京后天下雨吗", "grammar": "x/1"},
                   {"function": "tools", "user": "你好", "answer": '{"name": "chat", "arguments": {}}', "grammar": ""})
    convert(source, tmp_path / "b.jsonl", one, system=SYSTEM)
    assert rows(tmp_path / "b.jsonl")[0].get("system", "改写问题") == "改写问题"
    convert(tmp_path / "b.jsonl", tmp_path / "c.jsonl", "functions", system=SYSTEM)
    assert (tmp_path / "c.jsonl").read_bytes() == source.read_bytes()
    refused = convert(source, tmp_path / "d.jsonl", "records", system=SYSTEM)
    assert len(refused.dropped) == 2
    write(source, {"function": "other", "user": "a", "answer": "b"})
    assert "a function of rewriting, tools" in convert(source, tmp_path / "e.jsonl", one, system=SYSTEM).dropped[0]
