"""docs/monitoring.md is true where it can be checked: its commands parse, its file is read, its rules and names are those of the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from pipeline.cli import _parser
from pipeline.monitor.drift import RATE, WINDOWS
from pipeline.profiling import bottlenecks
from pipeline.profiling.hosts import read_hosts
from tests.tutorial import DOCS, files

PAGE = "monitoring.md"
TEXT = (DOCS / PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize("command", re.findall(r"^edge (.+?)(?:  +#.*)?$", TEXT, re.MULTILINE))
def test_its_commands_are_commands(command: str) -> None:
    _parser().parse_args(shlex.split(command))


def test_its_hosts_are_read(tmp_path: Path) -> None:
    (file := tmp_path / "hosts.yaml").write_text(files(PAGE)["hosts.yaml"])
    assert [host.name for host in read_hosts(file).hosts] == ["this machine", "the lab's M4"]


def test_its_rules_and_windows_are_those_of_the_code() -> None:
    rules = re.findall(r'Bottleneck\("([^"]+)"', Path(bottlenecks.__file__).read_text(encoding="utf-8"))
    table = TEXT.partition("**The bottleneck**")[2].partition("`tests/profiling`")[0]
    assert sorted(["rule", *rules]) == sorted(re.findall(r"^\| ([a-z ]+) \|", table, re.MULTILINE))
    assert f"Every {WINDOWS[0]}, {WINDOWS[1]}, {WINDOWS[2]:,} and {WINDOWS[3]:,} decisions" in TEXT and f"`--rate` ({RATE:g})" in TEXT
