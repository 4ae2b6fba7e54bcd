"""docs/quantize_tutorial.md is true: every command in it is run, in its order, and says what stands there."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import main
from tests.tutorial import commands, files, matches

TUTORIAL = "quantize_tutorial.md"


@pytest.fixture
def home(tmp_path, merged, monkeypatch):
    """Where the tutorial begins: a model, texts, and the files that it shows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGE_STORE", str(tmp_path / "store"))
    shutil.copytree(merged, "MODEL")
    asked = [f"{day}号{place}天气怎么样，要不要带伞" for place in ("北京", "上海", "西安") for day in range(1, 21)]
    Path("texts.jsonl").write_text("".join(f"{json.dumps({'text': text})}\n" for text in asked), encoding="utf-8")
    for name, content in files(TUTORIAL).items():
        Path(name).write_text(content, encoding="utf-8")


def test_every_command_says_what_the_tutorial_says(home, capsys):
    for command, expected in commands(TUTORIAL):
        program, *arguments = shlex.split(command)
        said = judged(arguments) if program == "pytest" else done(arguments, capsys)
        assert matches(said, expected), f"{command}:\n{said}"


def done(arguments, capsys) -> str:
    assert main(arguments) == 0, arguments
    return capsys.readouterr().out


def judged(arguments) -> str:
    root = str(Path(__file__).parents[2])
    run = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments], capture_output=True, text=True,
                         env={**os.environ, "PYTHONPATH": root, "PYTEST_ADDOPTS": ""})
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_a_block_of_lines_that_differ_is_one_line_of_dots():
    assert matches("a\nb\nc 7 d\n", ["...", "c ... d"]) and not matches("a\nb\n", ["...", "c ... d"])
    assert matches("", []) and not matches("a\n", [])
    assert {program.split()[1] for program, _ in commands(TUTORIAL) if program.startswith("edge")} == {"convert", "quantize"}
