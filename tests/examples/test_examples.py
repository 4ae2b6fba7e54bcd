"""The verdict machinery in a project without a model, found by pytest through the entry point alone."""

import json
import shutil
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A copy of plain_project/ with nothing of ours on the path but what is installed."""
    assert "fixtures.plugin" in entry_points(group="pytest11").names, "install the project again: make"
    monkeypatch.delenv("PYTHONPATH", raising=False)
    shutil.copytree(HERE / "plain_project", pytester.path, dirs_exist_ok=True)
    return pytester


def states(project: pytest.Pytester) -> dict[str, tuple[str, str]]:
    """By claim: the verdict, and how it moved."""
    claims = json.loads((project.path / "reports/results.json").read_text())["claims"]
    return {claim["id"]: (claim["verdict"]["state"], (claim["regression"] or {}).get("state", "")) for claim in claims}


def edge(project: pytest.Pytester, *arguments: str) -> int:
    code = "import sys; from pipeline.cli import main; sys.exit(main())"
    return project.run(sys.executable, "-c", code, *arguments).ret


def test_claims_are_judged_reported_and_kept(project: pytest.Pytester) -> None:
    assert project.runpytest_subprocess("--strict-markers").ret == 0
    assert states(project) == {"dates.read": ("pass", ""), "code.size": ("pass", "")}
    assert edge(project, "report") == 0 and (project.path / "reports/allure-results").is_dir()
    assert edge(project, "baseline", "save") == 0


def test_a_fault_is_caught_by_the_baseline_and_a_large_one_by_the_target_too(project: pytest.Pytester) -> None:
    project.runpytest_subprocess()
    edge(project, "baseline", "save")
    parser = project.path / "dates.py"
    parser.write_text(parser.read_text().replace("int(day))", "min(int(day), 29))"))  # the last days of a month are read as the 29th
    result = project.runpytest_subprocess("--baseline", "baselines")
    assert result.ret == 1
    assert states(project) == {"dates.read": ("pass", "regressed"), "code.size": ("pass", "unchanged")}
    parser.write_text(parser.read_text().replace("29))", "15))"))
    project.runpytest_subprocess("--baseline", "baselines")
    assert states(project)["dates.read"] == ("fail", "regressed")


def test_a_project_that_claims_nothing_is_left_alone(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    pytester.makepyfile("def test_plain(): pass")
    assert pytester.runpytest_subprocess("--strict-markers").ret == 0
    assert not (pytester.path / "reports").exists()


def test_a_claim_without_targets_is_one_line(project: pytest.Pytester) -> None:
    (project.path / "thresholds.yaml").unlink()
    result = project.runpytest_subprocess("--strict-markers")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*thresholds.yaml: expected the targets that the claims are held against, found none; *"])
