"""``edge gate --against REF`` in real git repositories: each way of claiming less is caught, unless a newer reason says why."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from pipeline.cli import main
from pipeline.verdict.ratchet import Sizes
from tests.gate.conftest import CLAIM, GATE

CLAIMS = {"a.rate": {**CLAIM, "smallest_n": 500, "tolerance": 0.02}, "b.rate": CLAIM}
HOST = "linux-x86_64-2c-AMD EPYC"
KEPT = {"metric": "accuracy", "unit": "proportion", "statistic": "proportion", "n": 1500, "value": 0.92}
BASELINE = {"version": 1, "profile": "reference", "host_class": HOST, "claims": {"a.rate": KEPT, "b.rate": KEPT}}
NAME = "baselines/reference.yaml"


def load(content, _where):
    """A baseline by its plain keys, whatever else its format holds."""
    sizes = {name: kept["n"] for name, kept in content["claims"].items()}
    return Sizes(content["profile"], content["host_class"], sizes, content.get("reason", ""))


class Project:
    """A repository that is being worked in, with thresholds.yaml and a baseline on its branch main."""

    def __init__(self, root):
        self.root = root
        self.git("init", "--quiet", "--initial-branch=main")
        self.thresholds()
        self.write(NAME, BASELINE)
        self.commit()
        self.git("switch", "--quiet", "--create", "work")

    def git(self, *words):
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        return subprocess.run(["git", *who, *words], cwd=self.root, check=True, capture_output=True, text=True).stdout.strip()

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True))

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "x")

    def thresholds(self, name="thresholds.yaml", gate=GATE, dropped=None, without=(), confidence=0.95, **changes):
        """thresholds.yaml, with changes to the claim a.rate."""
        claims = {**CLAIMS, "a.rate": {**CLAIMS["a.rate"], **changes}}
        self.write(name, {"version": 1, "confidence": confidence, "gate": gate, "dropped": dropped or {},
                          "claims": {claim: entry for claim, entry in claims.items() if claim not in without}})

    def record(self, state="green", changes=None, without=(), **run):
        """A run's record in which each claim passed with 1,500 samples."""
        entry = {**CLAIM, "confidence": 0.95, "measurement": {"shape": "proportion"}}
        verdict = {"state": "pass", "value": 0.95, "n": 1500, "message": ""}
        claims = [{**entry, "id": name, "verdict": {**verdict, **(changes or {}).get(name, {})}} for name in CLAIMS if name not in without]
        digest = hashlib.sha256((self.root / "thresholds.yaml").read_bytes()).hexdigest()
        about = {"profile": "reference", "host": {"host_class": HOST}, "thresholds_sha256": digest, "gate": {"state": state, "red": []}}
        self.write("reports/results.json", json.dumps({"version": 1, "run": {**about, **run}, "claims": claims}))


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setattr("pipeline.cli.gate.load_sizes", load)
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


@pytest.fixture
def gate(capsys):
    """gate(*arguments) -> (exit code, lines)."""
    def run(*arguments, against="main"):
        code = main(["gate", *arguments, "--against", against])
        said = capsys.readouterr()
        return code, (said.err if code == 2 else said.out).splitlines()

    return run


def refused(result, *words):
    code, (line,) = result
    assert code == 2 and line.startswith("edge: ") and all(word in line for word in words)


def test_what_is_the_same_is_green_and_says_what_was_compared(project, gate):
    code, (line,) = gate()
    assert code == 0
    commit = project.git("rev-parse", "main")[:10]
    assert line.startswith("green: thresholds.yaml with 2 claims, baselines (1) and no record of a run") and f"main ({commit})" in line


LOOSER = [
    ({"target": 0.85}, "a.rate: target 0.9 -> 0.85"),
    ({"smallest_n": 100}, "a.rate: smallest_n 500 -> 100"),
    ({"tolerance": "2%"}, "a.rate: tolerance 0.02 -> 2%"),
    ({"host": "m4"}, "a.rate: host any -> m4"),
    ({"metric": "agreement"}, "a.rate: metric accuracy -> agreement"),
]


@pytest.mark.parametrize(("change", "words"), LOOSER)
@pytest.mark.parametrize("committed", [True, False], ids=["committed", "in the working tree"])
def test_loosening_is_caught_and_a_reason_written_with_it_speaks_for_it(project, gate, change, words, committed):
    project.thresholds(**change)
    if committed:
        project.commit()
    code, (line,) = gate()
    assert code == 1 and line.startswith(f"loosened thresholds.yaml: {words}; write why") and "`reason:`" in line
    project.thresholds(**change, reason="2026-11: so few queries are left")
    assert gate()[0] == 0


@pytest.mark.parametrize(("change", "words"), [
    ({"gate": {**GATE, "red": ["fail", "inconclusive"]}}, "gate: invalid is no longer red"),
    ({"gate": {**GATE, "regression_confidence": 0.999}}, "gate: regression_confidence 0.99 -> 0.999"),
    ({"confidence": 0.9}, "a.rate: confidence 0.95 -> 0.9"),
    ({"without": ["a.rate"]}, "a.rate: the claim is gone"),
])
def test_what_holds_for_the_whole_file_is_caught(project, gate, change, words):
    project.thresholds(**change)
    code, lines = gate()
    assert code == 1 and words in lines[0]


def test_tightening_and_new_claims_are_free(project, gate):
    project.thresholds(without=["b.rate"], dropped={"b.rate": "said by a.rate"}, gate={**GATE, "red": [*GATE["red"], "not_measured"]},
                       target=0.95, smallest_n=900, tolerance=0.01, title="right more often")
    assert gate()[0] == 0


def test_a_reason_that_is_older_than_the_change_does_not_speak_for_it(project, gate):
    project.thresholds(reason="2026-10: looser then")
    project.commit()
    project.git("branch", "--force", "main")
    project.thresholds(reason="2026-10: looser then", target=0.85)
    assert gate()[0] == 1
    project.commit()
    assert gate()[0] == 1
    project.thresholds(reason="2026-11: looser again", target=0.85)
    assert gate()[0] == 0


def test_on_the_way_only_the_last_loosening_counts_and_a_reason_before_it_does_not(project, gate):
    for reason in ("a draft", "in advance"):
        project.thresholds(reason=reason)
        project.commit()
    project.thresholds(reason="in advance", target=0.85)
    project.commit()
    assert gate()[0] == 1
    project.thresholds(reason="afterwards", target=0.85)
    project.commit()
    project.write("other", "x")
    project.commit()
    assert gate()[0] == 0


def test_what_was_loosened_and_brought_back_is_fine(project, gate):
    for target in (0.5, 0.9):
        project.thresholds(target=target)
        project.commit()
    assert gate()[0] == 0


def test_a_version_on_the_way_that_could_not_be_run_is_left_out(project, gate):
    project.thresholds(reason="in advance")
    project.commit()
    project.write("thresholds.yaml", "claims: [")
    project.commit()
    project.git("rm", "--quiet", "thresholds.yaml")
    project.commit()
    project.thresholds(reason="in advance", target=0.85)
    assert gate()[0] == 1


def test_a_dropped_claim_with_its_reason_is_owed_nowhere(project, gate):
    project.thresholds(without=["b.rate"], dropped={"b.rate": "2026-11: said by a.rate"})
    project.write(NAME, {**BASELINE, "claims": {"a.rate": KEPT}})
    project.record(without=["b.rate"])
    assert gate()[0] == 0


def test_loosening_on_the_other_side_since_the_branches_parted_is_not_ours(project, gate):
    project.git("switch", "--quiet", "main")
    project.thresholds(target=0.95)
    project.commit()
    project.git("switch", "--quiet", "work")
    assert gate()[0] == 0


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


SMALLER = {**BASELINE, "claims": {"a.rate": {**KEPT, "n": 100}, "b.rate": KEPT}}
FEWER = {**BASELINE, "claims": {"b.rate": KEPT}}


@pytest.mark.parametrize(("baseline", "words"), [
    (SMALLER, "shrunk baselines/reference.yaml: a.rate: test set shrunk from 1500 to 100"),
    (FEWER, "dropped baselines/reference.yaml: a.rate: the figure is gone"),
    ({**BASELINE, "host_class": "darwin"}, "dropped baselines/reference.yaml: was of reference on linux"),
])
def test_a_baseline_that_holds_less_is_caught_and_excused_by_its_newer_reason(project, gate, baseline, words):
    project.write(NAME, baseline)
    code, (line,) = gate()
    assert code == 1 and line.startswith(words) and "`reason:`" in line
    project.write(NAME, {**baseline, "reason": "2026-11: the set was cut"})
    assert gate()[0] == 0
    project.commit()
    project.git("branch", "--force", "main")
    project.write(NAME, {**baseline, "reason": "2026-11: the set was cut", "claims": {"b.rate": {**KEPT, "n": 1}}})
    assert gate()[0] == 1


def test_a_baseline_that_is_gone_is_caught_and_excused_in_thresholds(project, gate):
    (project.root / NAME).unlink()
    code, (line,) = gate()
    assert code == 1 and line.startswith(f"dropped {NAME}: the baseline is gone")
    project.thresholds(dropped={NAME: "2026-11: that machine was given back"})
    assert gate()[0] == 0
    project.write(NAME, BASELINE)
    project.commit()
    project.git("branch", "--force", "main")
    (project.root / NAME).unlink()
    assert gate()[0] == 1


def test_a_run_that_shows_everything_is_green(project, gate):
    project.record()
    code, (line,) = gate()
    assert code == 0 and "reports/results.json" in line
    (project.root / "reports/results.json").rename("mine.json")
    assert "mine.json" in gate("mine.json")[1][0]


NOT_MEASURED = {"state": "not_measured", "value": None, "n": 0, "message": "no such meter here"}


@pytest.mark.parametrize(("changes", "words"), [
    ({"a.rate": NOT_MEASURED}, "stopped reports/results.json: a.rate: has stopped running: measured before with 1500 samples"),
    ({"a.rate": {**NOT_MEASURED, "message": "not asked in this run"}}, "stopped reports/results.json: a.rate: the claim was not asked"),
    ({"a.rate": {**NOT_MEASURED, "message": "not asked in this run: no collected test is about it"}}, "the claim was not asked"),
    ({"a.rate": {"n": 1000}}, "shrunk reports/results.json: a.rate: test set shrunk from 1500 to 1000"),
])
def test_a_claim_that_stopped_or_shrank_is_caught(project, gate, changes, words):
    project.record(changes=changes)
    code, (line,) = gate()
    assert code == 1 and words in line


def test_a_claim_that_is_missing_from_the_record_was_not_asked(project, gate):
    project.record(without=["b.rate"])
    code, (line,) = gate()
    assert code == 1 and "b.rate: the claim was not asked" in line


def test_a_new_claim_has_to_be_asked_too(project, gate):
    project.record()
    content = yaml.safe_load(Path("thresholds.yaml").read_text())
    content["claims"]["c.rate"] = CLAIM
    project.write("thresholds.yaml", content)
    project.record()
    code, (line,) = gate()
    assert code == 1 and "c.rate: the claim was not asked" in line


def test_baselines_speak_of_their_own_profile_and_host_alone(project, gate):
    project.record(changes={"a.rate": {"n": 10}}, host={"host_class": "darwin-arm64"})
    assert gate()[0] == 0
    project.record(changes={"a.rate": {"n": 10}}, profile="qwen3-0.6b")
    assert gate()[0] == 0


def test_what_the_baseline_excuses_the_run_does_not_owe(project, gate):
    project.record(changes={"a.rate": {"n": 100}})
    project.write(NAME, SMALLER)
    assert gate()[0] == 1
    project.write(NAME, {**SMALLER, "reason": "2026-11: the set was cut"})
    assert gate()[0] == 0
    project.record(changes={"a.rate": {"n": 99}})
    assert gate()[0] == 1


def test_more_in_the_present_baseline_is_not_owed_yet(project, gate):
    project.record()
    project.write(NAME, {**BASELINE, "claims": {name: {**KEPT, "n": 2000} for name in CLAIMS}})
    assert gate()[0] == 0


def test_a_record_of_other_thresholds_or_a_red_gate_is_red(project, gate):
    project.record(state="red")
    assert gate() == (1, ["red reports/results.json: the gate of the run is red: see the record; mend it and run `make accept` again"])
    project.record(gate="green")
    assert gate()[0] == 1
    project.record(host=None)
    project.thresholds(target=0.95)
    code, (line,) = gate()
    assert code == 1 and line.startswith("stale reports/results.json: ")


def test_a_record_that_is_none_is_a_mistake(project, gate):
    refused(gate("nowhere.json"), "nowhere.json: expected the record of a run, found none")
    project.write("reports/results.json", "{")
    refused(gate(), "expected the record of a run in JSON")


def test_the_worst_comes_first(project, gate):
    project.thresholds(target=0.85)
    project.write(NAME, {**BASELINE, "claims": {"a.rate": {**KEPT, "n": 100}}})
    project.record(state="red", changes={"b.rate": NOT_MEASURED, "a.rate": {"n": 100}})
    code, lines = gate()
    assert code == 1
    assert [line.split()[0] for line in lines] == ["dropped", "stopped", "shrunk", "shrunk", "loosened", "red"]
