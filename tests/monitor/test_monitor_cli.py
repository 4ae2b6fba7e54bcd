"""`edge monitor` on the files that it reads: what is said, with which exit code, and what of a bad file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.drift.simulate import World, decisions
from pipeline.cli import main
from pipeline.edge.server.decisions import Decisions
from pipeline.monitor.decisions import Decision, read_decisions

GOOD = {"at": 1.0, "ms": 2.0, "confidence": 0.5, "label": "a"}


def log(file: Path, made: list[Decision]) -> Path:
    log = Decisions(file)
    for one in made:
        log.add(one.ms, one.confidence, one.label)
    return file


@pytest.fixture
def dice() -> np.random.Generator:
    return np.random.default_rng(4)


def test_a_reference_is_saved_and_later_decisions_held_against_it(tmp_path: Path, dice: np.random.Generator, capsys) -> None:
    good, window = log(tmp_path / "good.jsonl", decisions(World(), 1000, dice)), tmp_path / "window.json"
    bad = log(tmp_path / "bad.jsonl", decisions(World(faster=2), 200, dice))
    assert main(["monitor", str(good), "--baseline", str(window), "--save"]) == 0
    assert capsys.readouterr().out == f"{window}: 1,000 decisions, 6 labels\n"
    assert main(["monitor", str(good), "--baseline", str(window)]) == 0
    assert capsys.readouterr().out == "1,000 decisions, 0 alarms; 1 false alarms to expect in 100,000\n"
    assert main(["monitor", str(bad), "--baseline", str(window)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[1] for line in said[:-1]] == [" latency", " slowest"] and said[0].startswith("after 64 decisions: latency: ")
    assert said[-1] == "200 decisions, 6 alarms; 1 false alarms to expect in 100,000"


def test_the_log_holds_no_more_than_it_may_and_all_of_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    kept = Decisions(file, room=1000)
    for number in range(50):
        kept.add(float(number), 0.5, "a")
    assert file.stat().st_size <= 1000 and (tmp_path / "log.jsonl.1").stat().st_size <= 1000
    read = [one.ms for one in read_decisions(file)]
    assert read == sorted(read) and read[-1] == 49.0 and len(read) > 10 and len(list(tmp_path.iterdir())) == 2


def test_a_line_that_is_being_written_is_left_for_the_next_time(tmp_path: Path) -> None:
    (file := tmp_path / "log.jsonl").write_text(json.dumps(GOOD) + "\n" + '{"at": 1, "m')
    assert len(list(read_decisions(file))) == 1


@pytest.mark.parametrize("line", [
    "", "[]", "null", '{"at": 1}', json.dumps({**GOOD, "ms": -1}), json.dumps({**GOOD, "confidence": 1.5}),
    json.dumps({**GOOD, "ms": True}), json.dumps({**GOOD, "label": ""}), json.dumps({**GOOD, "label": "x" * 201}),
    '{"at":1,"ms":NaN,"confidence":1,"label":"a"}',
    "[" * 9000, "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")])
def test_a_line_that_is_no_decision_is_named(tmp_path: Path, line: str, capsys) -> None:
    (file := tmp_path / "log.jsonl").write_text(json.dumps(GOOD) + "\n" + line + "\n", encoding="utf-8")
    assert main(["monitor", str(file), "--baseline", str(tmp_path / "w.json"), "--save"]) == 2
    assert capsys.readouterr().err.startswith(f"edge: {file}:2: expected ")


def test_a_line_without_end_is_not_read_into_memory(tmp_path: Path, capsys) -> None:
    (file := tmp_path / "log.jsonl").write_bytes(b"x" * 50_000)
    assert main(["monitor", str(file), "--baseline", str(tmp_path / "w.json"), "--save"]) == 2
    assert capsys.readouterr().err == f"edge: {file}:1: expected a decision, found a line longer than 10000 characters; check the file\n"


def test_too_few_decisions_are_no_reference_and_nothing_is_written(tmp_path: Path, capsys) -> None:
    file = log(tmp_path / "log.jsonl", [Decision(0.0, 1.0, 0.5, "a")] * 499)
    assert main(["monitor", str(file), "--baseline", str(tmp_path / "w.json"), "--save"]) == 2
    assert capsys.readouterr().err == (
        "edge: a reference window: expected at least 500 decisions, found 499; let it serve on, then save it\n")
    assert not (tmp_path / "w.json").exists()


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"version": 2}', '{"milliseconds": [1], "confidences": [], "labels": {}}',
                                     json.dumps({"milliseconds": [1.0] * 500, "confidences": [0.5] * 499, "labels": {"a": 500}}),
                                     json.dumps({"milliseconds": [1.0] * 500, "confidences": [0.9, *[0.5] * 499], "labels": {"a": 500}})])
def test_what_is_no_reference_is_refused_in_one_line(tmp_path: Path, content: str, capsys) -> None:
    file = log(tmp_path / "log.jsonl", [Decision(0.0, 1.0, 0.5, "a")])
    (window := tmp_path / "w.json").write_text(content)
    assert main(["monitor", str(file), "--baseline", str(window)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("edge: ") and str(window) in said and said.count("\n") == 1


@pytest.mark.parametrize(("make", "found"), [(Path.mkdir, "a directory"), (os.mkfifo, "a pipe or a device"), (lambda path: None, "none")],
                         ids=["directory", "pipe", "none"])
def test_a_log_that_is_no_file_is_refused(tmp_path: Path, make, found: str, capsys) -> None:
    make(file := tmp_path / "log.jsonl")
    assert main(["monitor", str(file), "--baseline", "w.json", "--save"]) == 2
    assert capsys.readouterr().err == f"edge: {file}: expected a log of decisions, found {found}; check the path\n"
