"""Each check of the samples finds its planted fault and names the line; `edge data` tells the samples from the intents."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main
from pipeline.data.assistant.generate import generate
from pipeline.data.assistant.sample import Sample, read_samples, write_samples
from pipeline.data.assistant.validate import validate_samples
from pipeline.data.convert import convert
from pipeline.data.formats import TRAINED
from pipeline.data.records import Record, write_records


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    return generate(tmp_path, seed=5, train=60, validation=20, test=20, challenge=60)


def plant(path: Path, sample: Sample) -> str:
    """Append the sample; the place as a finding names it."""
    samples = [*read_samples(path), sample]
    write_samples(path, samples)
    return f"{path}:{len(samples)}: "


def only_finding(paths: dict[str, Path]) -> str:
    (finding,) = validate_samples(paths).findings
    return finding


def test_a_leak_is_found_behind_a_wake_word(paths: dict[str, Path]) -> None:
    leaked = read_samples(paths["train"])[7]
    place = plant(paths["challenge"], replace(leaked, query=f"小爱同学，{leaked.query}？", grammar=""))
    assert only_finding(paths).startswith(f"{place}leak:")


def test_a_duplicate_is_found(paths: dict[str, Path]) -> None:
    place = plant(paths["train"], read_samples(paths["train"])[7])
    assert only_finding(paths).startswith(f"{place}duplicate:")


def test_a_near_duplicate_is_found(paths: dict[str, Path]) -> None:
    long = next(sample for sample in read_samples(paths["train"]) if len(sample.query) > 20)
    place = plant(paths["test"], Sample(long.query[:3] + long.query[4:], long.task_type))
    assert only_finding(paths).startswith(f"{place}near duplicate")


def test_a_shared_grammar_is_found(paths: dict[str, Path]) -> None:
    learnt = next(sample for sample in read_samples(paths["train"]) if sample.task_type == "complex_reasoning")
    place = plant(paths["challenge"], replace(learnt, query="这句话哪里都没有人说过"))
    assert only_finding(paths).startswith(f"{place}shared grammar")


def test_a_held_out_course_in_train_is_found(paths: dict[str, Path]) -> None:
    place = plant(paths["train"], Sample("细胞周期为什么会停下来", "complex_reasoning", {}, "complex_reasoning/train/1"))
    assert only_finding(paths).startswith(f"{place}held-out course: '细胞周期'")


def test_tasks_out_of_balance_are_found(paths: dict[str, Path]) -> None:
    write_samples(paths["train"], [sample for sample in read_samples(paths["train"]) if sample.task_type != "simple_qa"])
    assert "expected simple_qa within 3 times of its share 20%, found 0" in only_finding(paths)


ASKED = {"course": "电磁学", "chapter": 3, "topic": None, "kind": "notes"}


@pytest.mark.parametrize(("task", "query", "expected", "because"), [
    ("course_resource", "电磁学第三章讲义", {"course": "电磁学"}, "expected the fields course, chapter, topic, kind"),
    ("course_resource", "电磁学第九章讲义", {**ASKED, "chapter": 9}, "expected a file of the library"),
    ("course_resource", "电磁学第三章实验", {**ASKED, "kind": "lab"}, "expected a file of the library"),
    ("course_resource", "电磁学第三章动画", {**ASKED, "kind": "film"}, "expected a kind of slides"),
    ("course_resource", "第三章讲义", {**ASKED, "course": None}, "expected a course or a topic"),
    ("course_resource", "高数第三章讲义", ASKED, "expected the course 电磁学 to be named"),
    ("course_resource", "电磁学讲义", {**ASKED, "chapter": None, "topic": "库仑定律"}, "expected the topic 库仑定律 to be named"),
    ("learning_tracking", "忘掉一切", {"operation": "forget"}, "expected an operation of log_session"),
    ("learning_tracking", "忘掉一切", {"operation": ["undo"]}, "expected an operation of log_session"),
    ("learning_tracking", "学了电磁学", {"operation": "log_session", "course": "电磁学"}, "expected the arguments minutes"),
    ("learning_tracking", "学了很久", {"operation": "log_session", "minutes": 0}, "expected 1 to 1,440 minutes"),
    ("learning_tracking", "学了一个半小时", {"operation": "log_session", "minutes": 90.0}, "expected 1 to 1,440 minutes"),
    ("learning_tracking", "三题对四题", {"operation": "log_exercise", "total": 3, "right": 4}, "expected no more exercises right"),
    ("learning_tracking", "去年学了多久", {"operation": "time_spent", "period": "last_year"}, "expected a period of today"),
    ("learning_tracking", "高数学了几章", {"operation": "progress", "course": "高数"}, "expected the full name of a course"),
    ("learning_tracking", "高等数学学完第九章", {"operation": "finish_chapter", "course": "高等数学", "chapter": 9},
     "expected the number of a chapter"),
    ("learning_tracking", "撤销", {"operation": "undo", "steps": 2}, "expected the arguments none of undo"),
    ("simple_qa", "什么是场强", {"card": "场强", "aspect": "definition", "course": "电磁学"}, "expected a card that says so"),
    ("simple_qa", "电场强度是谁的", {"card": "电场强度", "aspect": "person", "course": "电磁学"}, "expected a card that says so"),
    ("simple_qa", "什么是电容", {"card": "电场强度", "aspect": "unit", "course": "电磁学"}, "expected the card 电场强度 to be named"),
    ("simple_qa", "什么是场强", {"card": "电场强度"}, "expected the fields card, aspect, course"),
    ("complex_reasoning", "证明它", {"card": "电场强度"}, "expected an empty truth")])
def test_a_truth_that_nothing_satisfies_is_found(task: str, query: str, expected: dict[str, Any], because: str, tmp_path: Path) -> None:
    write_samples(tmp_path / "own.jsonl", [Sample(query, task, expected)])
    (found,) = [finding for finding in validate_samples({"own": tmp_path / "own.jsonl"}).findings if "truth: " in finding]
    assert found.startswith(f"{tmp_path / 'own.jsonl'}:1: truth: {because}")


def test_a_generated_sample_without_truth_is_found_and_one_of_the_user_s_own_is_not(paths: dict[str, Path]) -> None:
    own = Sample("我自己的问题，找课件", "course_resource")
    plant(paths["test"], own)
    assert validate_samples(paths).findings == ()
    place = plant(paths["test"], replace(own, query="又一个问题，找讲义", grammar="course_resource/test/1"))
    assert only_finding(paths).startswith(f"{place}truth: ")


def test_bad_rows_and_files_are_findings(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    rows = [{"input": "撤销", "task_type": "x"}, {"input": "撤销"}, {"input": "", "task_type": "simple_qa"},
            {"input": "撤销", "task_type": "simple_qa", "route": "cloud"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{\n", encoding="utf-8")
    findings = validate_samples({"train": path, "test": tmp_path / "no.jsonl"}).findings
    assert [finding.split(": ")[0] for finding in findings[:5]] == [f"{path}:{line}" for line in range(1, 6)]
    assert str(tmp_path / "no.jsonl") in findings[5]


@pytest.mark.parametrize("form", TRAINED)
def test_samples_come_back_byte_for_byte(form: str, paths: dict[str, Path], tmp_path: Path) -> None:
    there = convert(paths["train"], tmp_path / "there.jsonl", form, system="")
    back = convert(tmp_path / "there.jsonl", tmp_path / "back.jsonl", "alpaca", system="")
    assert there.parsed == back.parsed == 60 and not (*there.dropped, *back.dropped)
    assert read_samples(tmp_path / "back.jsonl") == read_samples(paths["train"])
    if form == "alpaca":
        assert (tmp_path / "back.jsonl").read_bytes() == paths["train"].read_bytes()


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "generate", "assistant", str(tmp_path)]) == 0
    files = [str(tmp_path / f"{split}.jsonl") for split in ("train", "validation", "test", "challenge")]
    assert main(["data", "validate", *files]) == 0
    assert "challenge: records 1000, course_resource 400" in capsys.readouterr().out
    plant(Path(files[0]), Sample("证明它", "complex_reasoning", {"card": "x"}))
    assert main(["data", "validate", *files]) == 1
    write_records(tmp_path / "intents.jsonl", [Record("几点了", "time_query")])
    assert main(["data", "validate", str(tmp_path / "intents.jsonl")]) == 1 and "time_query 1" in capsys.readouterr().out
    assert main(["data", "validate", files[1], str(tmp_path / "intents.jsonl")]) == 2
    assert "expected files of one form" in capsys.readouterr().err


def test_a_user_s_own_columns_make_them_intents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"input": "几点了", "task_type": "time_query"}\n', encoding="utf-8")
    main(["data", "validate", str(path), "--columns", "query=input,intent=task_type"])
    assert "time_query 1" in capsys.readouterr().out
