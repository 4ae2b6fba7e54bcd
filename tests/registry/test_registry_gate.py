"""A version becomes champion only by the record of a run that is whole, green, of the present targets and about its very files."""

from __future__ import annotations

import json

import pytest

from pipeline.errors import EdgeError
from pipeline.registry import Lineage
from tests.registry.conftest import MODEL_KEY


def refused(registry, **given) -> str:
    with pytest.raises(EdgeError) as error:
        registry.promote("small", 1, by="ann", **given)
    assert registry.versions("small")[0].aliases == () and len(registry.audit("small")) == 1
    return str(error.value)


def edited(path, edit):
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))
    return path


def test_a_green_record_lets_it_through(registry, add):
    made = add()
    promoted = registry.promote("small", 1, by="bea")
    assert promoted.aliases == ("champion",) and registry.version("small", "champion") == promoted
    entry = registry.audit("small")[-1]
    assert (entry.by, entry.action, entry.version, entry.alias) == ("bea", "promote", 1, "champion")
    assert entry.details == {"from": None, "run": "run1", "record": made.parts["record"], "key": MODEL_KEY}


def test_without_a_record_it_waits_for_one(registry, add, record):
    add(record=None)
    assert refused(registry) == ("not promoted: expected the record of a run that measured small version 1, found none; give --record")
    promoted = registry.promote("small", 1, by="ann", record=record())
    assert promoted.lineage.verdicts["small.loss"] == "pass" and promoted.lineage.profile == "reference" and "record" in promoted.parts
    assert registry.promote("small", 1, by="ann", alias="challenger").aliases == ("challenger", "champion")  # by the record that it has now


def test_a_red_record_names_the_claim(registry, add, record):
    add(record=record(state="fail", gate="red", exit_code=1))
    assert refused(registry) == ("not promoted: the record of small version 1: the gate of the run is red: small.loss; mend it "
                                 "and run `make accept` again")


@pytest.mark.parametrize(("change", "said"), [
    ({"state": "fail"}, "results.json says green, but by its claims it is red and it ended with 0; run `make accept` again"),
    ({"state": "inconclusive"}, "results.json says green, but by its claims it is red and it ended with 0"),
    ({"exit_code": 1}, "results.json says green, but by its claims it is green and it ended with 1"),
    ({"claims": ("small.loss",)}, "small.size: the claim was not asked; run all of acceptance/, and see that a test has it"),
    ({"claims": ("small.size",)}, "small.loss: the claim was not asked"),
    ({"thresholds": "version: 1\n"}, "thresholds.yaml, found one judged by another; run `make accept` again"),
    ({"key": "c" * 64}, "expected a run that measured the artifact aaaaaaaaaaaa, found none of its claims about it"),
    ({"role": "reference"}, "expected a run that measured the artifact aaaaaaaaaaaa, found none of its claims about it"),
], ids=str)
def test_a_record_of_no_use_is_refused(change, said, registry, add, record):
    add(record=None)
    assert said in refused(registry, record=record(**change))


def test_that_it_is_small_says_not_that_it_answers_well(registry, add, record):
    def only_its_size(content):
        content["claims"][0]["measurement"]["artifacts"] = {"candidate": "c" * 64}
    add(record=None)
    assert refused(registry, record=edited(record(), only_its_size)) == (
        f"not promoted: {record()} shows no accuracy, agreement or loss of aaaaaaaaaaaa (it has small.size); add a claim about "
        "its answers to thresholds.yaml and run `make accept`")


def test_other_files_than_those_measured_are_refused(registry, add, record, model):
    measured = record()
    kept = measured.read_text()
    (model / "config.json").write_text('{"model_type": "another"}')
    add(record=None)
    measured.write_text(kept)
    assert refused(registry, record=measured) == ("not promoted: the model's config.json is not the file that the run measured; register "
                                                  "what the store holds under aaaaaaaaaaaa")


def test_another_decision_than_the_one_measured_is_refused(registry, add, record, home):
    add(record=None, lineage=Lineage(key=MODEL_KEY, decision="f" * 64))
    assert "knows no decision ffffffffffff" in refused(registry, record=record())


def test_a_model_from_a_directory_was_measured_by_no_run(registry, add, record):
    add(record=None, lineage=Lineage(kind="directory"))
    assert "expected a model of the store, which a run can have measured" in refused(registry, record=record())


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"version": 1}', '{"version": 2, "run": {}, "claims": []}'])
def test_a_record_that_is_none_is_refused_when_added_and_when_promoted(content, registry, add, home):
    if content is not None:
        (home / "bad.json").write_text(content)
    with pytest.raises(EdgeError, match="bad.json: expected"):
        add(record=home / "bad.json")
    assert registry.models() == []
    add(record=None)
    assert "bad.json: expected" in refused(registry, record=home / "bad.json")


def test_a_version_that_has_the_alias_is_told(registry, add):
    add()
    registry.promote("small", 1, by="ann")
    with pytest.raises(EdgeError, match="expected a version that is not champion yet, found small version 1; nothing to do"):
        registry.promote("small", 1, by="ann")


def test_targets_that_changed_since_the_run_ask_for_another(registry, add, home):
    add()
    (home / "thresholds.yaml").write_text((home / "thresholds.yaml").read_text().replace("0.02", "0.01"))
    assert "expected a run judged by the present" in refused(registry)
