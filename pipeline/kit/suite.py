"""The acceptance run itself, in a process of its own that shares this terminal."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RECORDED = (0, 1, 6, 7)
"""Exit codes that leave a record (README, "What a run says")."""


@dataclass(frozen=True)
class Run:
    """What pytest is asked for; ``baseline``: a folder to judge against as well."""

    tests: Path
    profile: str
    model: str
    store: Path
    store_url: str
    reports: Path
    baseline: Path | None = None
    format: str = ""

    def arguments(self) -> Iterator[str]:
        yield from (str(self.tests), "-m", "m4", "--profile", self.profile, "--store", str(self.store), "--reports", str(self.reports))
        for option, value in (("--model", self.model), ("--store-url", self.store_url), ("--baseline", self.baseline),
                              ("--format", self.format)):
            if value:
                yield from (option, str(value))


def run(asked: Run) -> int:
    """pytest's exit code.  On a Mac the machine is kept awake."""
    (asked.reports / "results.json").unlink(missing_ok=True)  # an interrupted run must not show an older one's figures
    awake = [program, "-i"] if (program := shutil.which("caffeinate")) else []
    return subprocess.run([*awake, sys.executable, "-m", "pytest", *asked.arguments()], check=False).returncode
