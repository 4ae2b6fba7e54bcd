"""docs/registry.md is true: every command in it is run, in its order, and says what stands there."""

from __future__ import annotations

import json
import shlex

from pipeline.cli import main
from pipeline.registry.split import is_treated
from tests.tutorial import commands, matches

PAGE = "registry.md"


def test_every_command_says_what_the_page_says(home, stored, measured, capsys):
    (home / "reports").mkdir()
    measured.rename(home / "reports" / "results.json")
    lines = [{"unit": f"user-{n}", "outcome": int(n % 10 < (9 if is_treated("intent/1/2", f"user-{n}", 0.2) else 5))} for n in range(2000)]
    (home / "outcomes.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    run = commands(PAGE)
    assert {command.split()[2] for command, _ in run} == {"add", "promote", "list", "show", "fetch", "rollback", "ab", "audit"}
    for command, expected in run:
        program, *arguments = shlex.split(command.replace("KEY", stored[0][:12]))
        assert program == "edge" and main(arguments) == 0, command
        said = capsys.readouterr().out
        assert matches(said, expected), f"{command}:\n{said}"
