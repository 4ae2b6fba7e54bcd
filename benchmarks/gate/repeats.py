"""The real suite, run again and again on artifacts that do not change."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError
from pipeline.progress import track
from pipeline.verdict.baseline import baseline_of, write_baseline

ROOT = Path(__file__).resolve().parents[2]
RED = ("regressed", "stopped")


@dataclass(frozen=True)
class Repeats:
    """Verdicts of each run: claim -> (state, state against the baseline); ``exit_codes`` in order; the first run's record."""

    verdicts: list[dict[str, tuple[str, str]]]
    exit_codes: list[int]
    record: dict[str, Any]

    def differing(self) -> dict[str, Counter[tuple[str, str]]]:
        """The claims whose verdict, or being red or not against the baseline, was not the same every time."""
        return {claim: counts for claim, counts in self.moving().items()
                if len({(verdict, change if change in RED else "") for verdict, change in counts}) > 1}

    def moving(self) -> dict[str, Counter[tuple[str, str]]]:
        """The claims whose verdict or whose state against the baseline, red or not, was not the same every time."""
        counts = {claim: Counter(run[claim] for run in self.verdicts) for claim in self.verdicts[0]}
        return {claim: count for claim, count in counts.items() if len(count) > 1}


def repeat(runs: int, folder: Path, arguments: Sequence[str], project: Path = ROOT) -> Repeats:
    """One run that fills the baseline, then ``runs`` held against it; EdgeError when one leaves no record.

    arguments: pytest's, with the path of the tests: else it looks for its settings beside the reports.
    folder: for the reports.  project: where the suite is.
    """
    first = _run(folder / "first", arguments, project)
    baseline = folder / "baseline.yaml"
    write_baseline(baseline_of(first), baseline)
    codes, verdicts = [], []
    with track("repeats of the suite", runs) as progress:
        for place in range(runs):
            record = _run(folder / f"run-{place}", [*arguments, "--baseline", str(baseline)], project)
            codes.append(record["run"]["exit_code"])
            verdicts.append({claim["id"]: _states(claim) for claim in record["claims"]})
            progress.advance()
    return Repeats(verdicts, codes, first)


def _states(claim: dict[str, Any]) -> tuple[str, str]:
    return claim["verdict"]["state"], (claim["regression"] or {}).get("state", "")


def _run(reports: Path, arguments: Sequence[str], project: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "pytest", "-q", "--reports", str(reports), *arguments]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=3600)
    try:
        return json.loads((reports / "results.json").read_text())
    except OSError:
        raise EdgeError(f"repeat: expected a record of the run, found none (exit code {done.returncode}): {done.stdout[-300:]}") from None
