"""docs/assistant.md is true: every command in it is run, in its order, and says what stands there."""

from __future__ import annotations

import io
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import _parser, main
from tests.assistant.course_files import make_pdf, make_pptx
from tests.assistant.tasks_model import build
from tests.tutorial import DOCS, commands, matches

TUTORIAL = "assistant.md"
COMMAND = ("-c", "from pipeline.cli import main; raise SystemExit(main())")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Where the tutorial begins: course files, and a model and a decision of that name."""
    monkeypatch.chdir(tmp_path)
    make_pptx(Path("courses/电磁学/第03章 静电场/课件 静电场.pptx"), [("静电场", "电荷与电场")])
    make_pdf(Path("courses/电磁学/第03章 静电场/讲义 高斯定理.pdf"), ["高斯定理：电通量等于面内电荷除以介电常数"])
    Path("courses/线性代数/第05章 特征值").mkdir(parents=True)
    Path("courses/线性代数/第05章 特征值/习题.md").write_text("# 习题\n求矩阵的特征值。\n", encoding="utf-8")
    model, decision = build(tmp_path / "built")
    model.rename("MODEL")
    decision.rename("DECISION")


def test_every_command_says_what_the_tutorial_says(home, monkeypatch, capsys):
    for command, lines in commands(TUTORIAL):
        command = command.removeprefix("edge ")
        typed = [line.removeprefix("› ") for line in lines if line.startswith("› ")]
        expected = [line for line in lines if not line.startswith("› ")]
        if command.startswith("assistant watch"):
            said = watched(command)
        else:
            monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(typed)))
            assert main(shlex.split(command)) == 0, command
            said = capsys.readouterr().out
        assert matches(said, expected), f"{command}:\n{said}"


def watched(command: str) -> str:
    """The first line of a command that runs until it is interrupted, which it survives as one who was asked to."""
    with subprocess.Popen([sys.executable, *COMMAND, *shlex.split(command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""}) as process:
        try:
            said = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(30) in (0, 130)
        finally:
            process.kill()  # where SIGINT is ignored, as behind nohup, the test fails and does not stand still
    return said


def test_the_commands_in_its_text_can_be_said():
    mentioned = re.findall(r"`edge ((?:gateway|assistant \w+) [^`]*--[^`]*)`", (DOCS / TUTORIAL).read_text(encoding="utf-8"))
    assert mentioned
    for command in mentioned:
        _parser().parse_args(shlex.split(command))


def test_a_changed_answer_would_be_seen():
    assert matches("a 7 b\nc\n", ["a ... b", "c"]) and not matches("a 7 b\nd\n", ["a ... b", "c"]) and not matches("a\nc\nd", ["a", "c"])
    assert len(commands(TUTORIAL)) >= 12 and {command.split()[1] for command, _ in commands(TUTORIAL)} == {"init", "assistant"}
