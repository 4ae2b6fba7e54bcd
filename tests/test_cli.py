"""The command edge: what it prints, what it refuses in one line, and its exit code."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.cli import main
from pipeline.data.generate import generate
from pipeline.data.records import read_records
from pipeline.store import Artifact, Spec, Store, Workspace

Fails = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a project, being worked in."""
    for variable in ("EDGE_STORE", "EDGE_STORE_URL"):
        monkeypatch.delenv(variable, raising=False)
    root = tmp_path / "project"
    (root / "sub").mkdir(parents=True)
    (root / "pytest.ini").write_text("[pytest]\n")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def stored(home: Path) -> list[Artifact]:
    """Two artifacts in the project's own store."""
    def build(work: Workspace) -> None:
        (work.out / "f").write_text("whole")

    store = Store(home / ".edge" / "store")
    artifacts = [store.get(Spec("toy", build, {"n": n})) for n in range(2)]
    store.close()
    return sorted(artifacts, key=lambda artifact: artifact.key)


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Fails:
    """The one line on stderr of a command that exits with 2."""
    def run(*arguments: object) -> str:
        assert main([str(argument) for argument in arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return run


def test_an_existing_store_is_shared(home: Path, stored: list[Artifact], capsys: pytest.CaptureFixture[str]) -> None:
    url = (home / "remote").as_uri()
    one, two = (artifact.key for artifact in stored)
    assert main(["artifacts", "push", one[:8], "--store-url", url]) == 0
    assert main(["artifacts", "push", "all", "--store-url", url]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{one[:12]}  sent"
    assert sorted(lines[1:]) == sorted([f"{one[:12]}  there already", f"{two[:12]}  sent"])

    def refuse(work: Workspace) -> None:
        raise AssertionError("built again")

    elsewhere = Store(home / "elsewhere", url)
    assert [elsewhere.get(Spec("toy", refuse, artifact.manifest["config"])).key for artifact in stored] == [one, two]


def test_a_push_that_fails_is_told(home: Path, stored: list[Artifact], fails: Fails) -> None:
    (home / "file").write_text("x")
    assert "Not a directory" in fails("artifacts", "push", "all", "--store-url", (home / "file" / "remote").as_uri())


@pytest.mark.parametrize("words", ["artifacts list", "artifacts verify", "artifacts explain aaaaaaaa", "artifacts prune 1GB",
                                   "artifacts remove aaaaaaaa", "doctor"])  # fmt: skip
def test_a_shared_store_is_named_only_where_it_is_used(words: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*words.split(), "--store-url", "file:///nowhere"])
    assert "--store-url" in capsys.readouterr().err


@pytest.mark.parametrize("damaged", [0, 1])
def test_verifying_all_goes_on_after_damage(damaged: int, stored: list[Artifact], capsys: pytest.CaptureFixture[str]) -> None:
    stored[damaged].file("f").write_text("other")
    assert main(["artifacts", "verify"]) == 1
    lines = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    assert lines[stored[1 - damaged].key[:12]] == "whole" and "f has changed" in lines[stored[damaged].key[:12]]
    assert main(["artifacts", "verify", stored[damaged].key]) == 1
    assert main(["artifacts", "verify", stored[1 - damaged].key]) == 0


def test_the_project_s_store_from_a_sub_folder(
    home: Path, stored: list[Artifact], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(home / "sub")
    assert main(["artifacts", "list"]) == 0
    assert "2 artifacts" in capsys.readouterr().out and not list((home / "sub").iterdir())


def test_listing_makes_no_store(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["artifacts", "list"]) == 0
    assert f"0 artifacts, 0.0 MB in {home / '.edge' / 'store'}" in capsys.readouterr().out
    assert not (home / ".edge").exists()


@pytest.mark.parametrize(("place", "reason"), [("file", "File exists"), ("file/sub", "Not a directory")])
def test_an_error_of_the_system_is_one_line(place: str, reason: str, home: Path, fails: Fails) -> None:
    (home / "file").write_text("x")
    line = fails("data", "generate", home / place)
    assert reason in line and str(home / "file") in line


def test_an_error_at_import_is_one_line(tmp_path: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.py").write_text("from pipeline.errors import EdgeError\nraise EdgeError('expected a, found b; do c')\n")
    monkeypatch.setattr(cli, "__path__", [str(tmp_path)])
    monkeypatch.setattr(cli, "COMMANDS", ("broken",))
    assert fails("broken") == "edge: expected a, found b; do c"


def test_two_files_of_one_name_are_refused(fails: Fails) -> None:
    line = fails("data", "validate", "a/train.jsonl", "b/train.jsonl")
    assert "a/train.jsonl" in line and "b/train.jsonl" in line


@pytest.mark.parametrize("columns", ["foo", "foo=bar", "query=", "=text", "query=text,label=intent"])
@pytest.mark.parametrize("command", [["data", "validate", "mine.csv"], ["doctor"]], ids=" ".join)
def test_a_mistake_in_columns_is_one_of_usage(command: list[str], columns: str, home: Path, fails: Fails) -> None:
    (home / "mine.csv").write_text("text,label\n几点,time_query\n", encoding="utf-8")
    assert fails(*command, "--columns", columns) == f"edge: --columns: expected query=COLUMN,intent=COLUMN, found '{columns}'"


def test_the_doctor_reads_named_columns(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = generate(home, train=60, validation=12, test=12, challenge=12)
    for name in ("train", "test"):
        with open(home / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *((one.query, one.intent) for one in read_records(paths[name]))])
    main(["doctor", "--train-data", "train.csv", "--eval-data", "test.csv", "--columns", "query=text,intent=label"])
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.split()[1] == "data")
    assert line.startswith("ok") and "train.csv" in line


def test_a_command_that_needs_models_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("pipeline.doctor", "pipeline.doctor.inputs", "pipeline.base.hub", "pipeline.train.weights"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    assert main(["doctor"]) == 2
    assert capsys.readouterr().err == "edge: this command needs safetensors, which is not installed; install the extra `model`\n"


def test_no_command_pays_for_another() -> None:
    code = "import sys; from pipeline.cli import _parser; _parser(); assert not {'numpy', 'scipy', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
