"""What lies between the reference and today: merges, files that came, went or moved, histories that were not fetched."""

import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.cli import main
from tests.ratchet.conftest import GATE, refused


def branch(project, *versions):
    """A branch side from main, one commit a version of thresholds.yaml."""
    project.git("switch", "--quiet", "--create", "side", "main")
    for changes in versions:
        project.thresholds(**changes)
        project.commit()
    project.git("switch", "--quiet", "work")


@pytest.mark.parametrize(("versions", "code"), [
    ([{"target": 0.85, "reason": "why"}], 0),
    ([{"target": 0.85}, {"target": 0.85, "reason": "why"}], 0),
    ([{"reason": "why"}, {"target": 0.85, "reason": "why"}], 1),
    ([{"target": 0.85}], 1),
])
@pytest.mark.parametrize("elsewhere", [False, True], ids=["nothing here", "a commit here"])
def test_a_merged_branch_is_looked_into(project, gate, versions, code, elsewhere):
    branch(project, *versions)
    if elsewhere:
        project.write("other", "x")
        project.commit()
    project.git("merge", "--quiet", "--no-ff", "--no-edit", "side")
    assert gate()[0] == code


def test_a_merge_of_two_lines_that_both_changed_the_file_brings_loosening_and_reason_together(project, gate):
    branch(project, {"target": 0.85, "reason": "why"})
    project.thresholds(smallest_n=900)
    project.commit()
    project.git("merge", "--quiet", "--no-ff", "--strategy=ours", "--no-commit", "side")
    project.thresholds(target=0.85, reason="why", smallest_n=900)
    project.commit()
    assert gate()[0] == 0
    project.thresholds(target=0.85, reason="", smallest_n=900)
    assert gate()[0] == 1


def test_a_merge_with_a_line_without_the_reason_does_not_make_it_newer(project, gate):
    branch(project, {"smallest_n": 900})
    project.thresholds(reason="in advance")
    project.commit()
    project.thresholds(reason="in advance", target=0.85)
    project.commit()
    project.git("merge", "--quiet", "--no-ff", "--strategy=ours", "--no-commit", "side")
    project.thresholds(reason="in advance", target=0.85, smallest_n=900)
    project.commit()
    assert gate()[0] == 1


def test_a_merge_that_loosens_by_itself_is_caught(project, gate):
    branch(project, {"smallest_n": 900})
    project.git("merge", "--quiet", "--no-ff", "--no-commit", "side")
    project.thresholds(smallest_n=900, target=0.5)
    project.commit()
    assert gate()[0] == 1


def test_without_the_file_at_the_reference_there_is_nothing_to_compare_and_it_is_said(project, gate):
    project.thresholds("mine/targets.yaml", target=0.1)
    code, (line,) = gate("--thresholds", "mine/targets.yaml")
    assert code == 0 and "mine/targets.yaml, which did not stand there" in line


@pytest.mark.parametrize("name", ["mine/目标 [x]*.yaml", ":(x) mine.yaml"])
def test_a_file_of_any_name_elsewhere_in_the_repository_is_held_too(project, gate, monkeypatch, name):
    project.thresholds(name)
    project.commit()
    project.git("branch", "--force", "main")
    project.thresholds(name, target=0.5)
    monkeypatch.chdir(project.root / "baselines")
    code, lines = gate("--thresholds", f"../{name}", "--baselines", ".")
    assert code == 1 and lines[0].startswith(f"loosened {name}: a.rate: target 0.9 -> 0.5")


def test_an_earlier_file_without_the_confidence_of_a_regression_is_still_compared(project, gate):
    project.thresholds(gate={"red": GATE["red"]})
    project.commit()
    project.git("branch", "--force", "main")
    project.thresholds(target=0.85)
    code, lines = gate()
    assert code == 1 and len(lines) == 1


def test_an_earlier_file_that_is_not_valid_is_a_mistake(project, gate):
    project.write("thresholds.yaml", "claims: [")
    project.commit()
    project.git("branch", "--force", "main")
    project.thresholds()
    refused(gate(), "thresholds.yaml at main (", "expected valid YAML", "compare with a later commit")


@pytest.mark.parametrize("name", ["nowhere", "", "--upload-pack=x", "--all", "main..work", "^main", "main:thresholds.yaml", "-h"])
def test_a_reference_that_is_none_is_a_mistake(project, gate, capsys, name):
    assert main(["gate", f"--against={name}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"edge: --against {name}: expected a commit of") and "git fetch --unshallow, or fetch-depth: 0" in line


def test_a_shallow_clone_is_told_to_fetch(project, gate, monkeypatch):
    old = project.git("rev-parse", "main")
    project.commit()
    subprocess.run(["git", "clone", "--quiet", "--depth=1", project.root.as_uri(), "shallow"], cwd=project.root, check=True)
    monkeypatch.chdir(project.root / "shallow")
    refused(gate(against=old), "expected a commit", "git fetch --unshallow")
    subprocess.run(["git", "fetch", "--quiet", "--depth=1", "origin", "main:main"], cwd=project.root / "shallow", check=True)
    refused(gate(), "shares history with HEAD", "git fetch --unshallow")


def test_without_a_repository_or_git_it_is_a_mistake(project, gate, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "")
        refused(gate(), "git: expected a program that runs", "install git")
    refused(gate("--baselines", "/elsewhere"), "/elsewhere: expected a path inside the repository")
    shutil.rmtree(project.root / ".git")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.root.parent))
    refused(gate(), "expected a git working tree")


def test_a_missing_file_is_a_mistake(project, gate):
    Path("thresholds.yaml").unlink()
    refused(gate(), "thresholds.yaml: expected a YAML file, found none")
