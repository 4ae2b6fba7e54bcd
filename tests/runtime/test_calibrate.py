from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.intents import INTENTS, by_name
from pipeline.data.records import Record, read_records, write_records
from pipeline.edge.calibrate import make_decision
from pipeline.edge.classifier import Classifier
from pipeline.errors import EdgeError

CONFIG = {"prompt": {"system": "判断意图", "max_length": 64},
          "decision": {"alpha": 0.1, "least_confidence": 0.6, "confidence_threshold": 0.7}}
CONTROLLED = {**CONFIG, "decision": {"alpha": 0.1, "least_confidence": 0.0, "confidence_threshold": None}}


@pytest.fixture(scope="module")
def validation(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("data") / "validation.jsonl"
    write_records(file, [Record(f"{word}{number}", INTENTS[number % 6].name)
                         for number, word in enumerate(["今天天气", "几点了", "讲个笑话"] * 10)])
    return file


def _asked(file: Path) -> list[tuple[str, str]]:
    return [(record.query, record.intent) for record in read_records(file)]


@pytest.fixture(scope="module")
def made(merged, validation, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("decision")
    make_decision(out, merged=merged, intents=INTENTS, validation=_asked(validation), config=CONFIG)
    return out


def test_what_is_written(merged, made):
    assert sorted(file.name for file in made.iterdir()) == ["calibration.json", "decision.json", "tokenizer.json"]
    content = json.loads((made / "decision.json").read_text(encoding="utf-8"))
    assert (content["version"], content["max_length"], content["confidence_threshold"]) == (1, 64, 0.7)
    assert [(i["name"], i["label"], i["route"]) for i in content["intents"]] == [(i.name, i.label, i.route) for i in INTENTS]
    assert (made / "tokenizer.json").read_bytes() == (merged / "tokenizer.json").read_bytes()


def test_calibration_lowers_the_loss_and_says_so(made):
    found = json.loads((made / "calibration.json").read_text())
    assert found["n"] == 30 and 0 <= found["accuracy"] <= 1
    assert found["nll_after"] < found["nll_before"]
    assert found["temperature"] == json.loads((made / "decision.json").read_text())["temperature"] > 1


def test_a_given_threshold_is_taken_and_its_misses_are_counted(merged, made, validation):
    found = json.loads((made / "calibration.json").read_text())["threshold"]
    assert (found["confidence_threshold"], found["alpha"], found["controlling"], found["n"]) == (0.7, 0.1, None, 15)
    assert found["miss_rate"] == _stayed(merged, made, validation) / 15


def test_the_threshold_keeps_the_misses_on_validation_under_alpha(merged, validation, tmp_path):
    """One of 15 may stay: (1 + 1) / 16 is above 0.1, so none does."""
    make_decision(tmp_path, merged=merged, intents=INTENTS, validation=_asked(validation), config=CONTROLLED)
    found = json.loads((tmp_path / "calibration.json").read_text())["threshold"]
    assert json.loads((tmp_path / "decision.json").read_text())["confidence_threshold"] == found["confidence_threshold"]
    assert found["confidence_threshold"] == found["controlling"] > 0 and found["miss_rate"] == 0
    assert _stayed(merged, tmp_path, validation) == 0


def test_too_few_validation_queries_for_alpha_are_refused(merged, tmp_path):
    few = tmp_path / "few.jsonl"
    write_records(few, [Record(f"讲个笑话{number}", INTENTS[number].name) for number in range(6)])
    with pytest.raises(EdgeError, match="expected at least 9 validation queries that need the cloud .* found 3"):
        make_decision(tmp_path, merged=merged, intents=INTENTS, validation=_asked(few), config=CONTROLLED)
    assert not (tmp_path / "decision.json").exists()


def _stayed(merged: Path, decision: Path, validation: Path) -> int:
    classifier = Classifier.open(merged, decision, 1)
    needed = [record.query for record in read_records(validation) if by_name(record.intent).route == "cloud"]
    return sum(classifier.decide(query).route == "local" for query in needed)


def test_it_serves_any_backend_of_the_model(merged, fp32, made):
    one, other = (Classifier.open(model, made, 1).decide("今天天气怎么样") for model in (merged, fp32))
    assert one.intent == other.intent and one.confidence == pytest.approx(other.confidence, abs=1e-4)
    np.testing.assert_allclose(one.logits, other.logits, atol=1e-4)


def test_a_prompt_that_the_model_was_not_trained_on_is_refused(merged, validation, tmp_path):
    base = shutil.copytree(merged, tmp_path / "base")
    file = base / "tokenizer_config.json"
    file.write_text(file.read_text().replace("<think>\\\\n\\\\n</think>", "<think>"))
    with pytest.raises(EdgeError, match="expected the chat template to give"):
        make_decision(tmp_path, merged=base, intents=INTENTS, validation=_asked(validation), config=CONFIG)
    assert not (tmp_path / "decision.json").exists()


def test_labels_that_are_no_tokens_are_refused(merged, validation, tmp_path):
    base = shutil.copytree(merged, tmp_path / "base")
    content = json.loads((base / "tokenizer.json").read_text())
    content["normalizer"] = {"type": "Replace", "pattern": {"String": "F"}, "content": "FF"}
    (base / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(EdgeError, match="label 'F' to be a single token"):
        make_decision(tmp_path, merged=base, intents=INTENTS, validation=_asked(validation), config=CONFIG)
