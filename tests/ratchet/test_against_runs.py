"""A test set that shrank and a claim that silently stopped running are caught, in the baselines and in a run's record."""

from pathlib import Path

import pytest
import yaml

from tests.gate.conftest import CLAIM
from tests.ratchet.conftest import BASELINE, CLAIMS, KEPT, NAME, refused

SMALLER = {**BASELINE, "claims": {"a.rate": {**KEPT, "n": 100}, "b.rate": KEPT}}
WORSE = {**BASELINE, "claims": {"a.rate": {**KEPT, "value": 0.8}, "b.rate": KEPT}}
FEWER = {**BASELINE, "claims": {"b.rate": KEPT}}


@pytest.mark.parametrize(("baseline", "words"), [
    (SMALLER, "shrunk baselines/reference.yaml: a.rate: test set shrunk from 1500 to 100"),
    (FEWER, "dropped baselines/reference.yaml: a.rate: the figure is gone"),
    (WORSE, "loosened baselines/reference.yaml: a.rate: the figure 0.92 -> 0.8"),
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
