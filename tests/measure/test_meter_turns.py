"""The baseline's code, brought back and measured in turns with the present one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.gate.inject import SLOWER, _with
from fixtures.turns import code_at
from pipeline.errors import EdgeError
from pipeline.measure.speedup import speedup
from pipeline.measure.subject import Subject
from pipeline.verdict.baseline import Kept
from pipeline.verdict.regression import Turns, compare
from tests.verdict.test_judge import P95

LATENCY = P95.model_copy(update={"tolerance": "50%", "percentile": 0.5})
KEPT = Kept(metric="latency", unit="ms", statistic="percentile", percentile=0.5, n=400, value=1.0, values=[1.0] * 400)
Git = Callable[..., str]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "pipeline").mkdir(parents=True)
    git(root, "init", "--quiet")
    for content in ("then", "now"):
        (root / "pipeline/code.py").write_text(content)
        git(root, "add", "--all")
        git(root, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "--message", content)
    return root


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True, text=True).stdout.strip()


def test_the_code_of_a_commit_is_brought_back(repository: Path, tmp_path: Path) -> None:
    folder = code_at(git(repository, "rev-parse", "HEAD~1"), repository, tmp_path / "code")
    assert (folder / "pipeline/code.py").read_text() == "then"
    assert git(repository, "status", "--porcelain") == ""


@pytest.mark.parametrize(("commit", "says"), [("", "uncommitted changes"), ("a" * 40, "expected git to know it")])
def test_a_commit_that_is_gone_is_one_line(repository: Path, tmp_path: Path, commit: str, says: str) -> None:
    with pytest.raises(EdgeError, match=says):
        code_at(commit, repository, tmp_path / "code")


@pytest.mark.parametrize(("factor", "found"), [(1.0, False), (4.0, True)])
def test_code_that_serves_more_slowly_is_found_in_turns(subject: Subject, queries: list[str], tmp_path: Path, factor: float,
                                                         found: bool) -> None:
    slower = _with(subject, SLOWER.format(factor=factor), tmp_path / "slower")
    pair = speedup(subject, slower, queries, rounds=200)
    change = compare(KEPT, KEPT, LATENCY, 0.99, Turns(pair.reference, pair.candidate))
    assert (change.state == "regressed") is found and change.method.startswith("the baseline's model and code")
