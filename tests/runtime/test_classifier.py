from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from pipeline.edge.classifier import Classifier
from pipeline.errors import EdgeError
from pipeline.runtime import load
from tests.export import tiny_qwen3

ROOT = Path(__file__).parents[2]
QUERIES = ["今天天气怎么样", "现在几点了", "如果明天下雨，我应该带伞还是穿雨衣？", "hello", "讲个笑话吧" * 30]


def test_torch_and_onnx_decide_alike(merged, fp32, decision):
    reference, candidate = (Classifier.open(model, decision, 1) for model in (merged, fp32))
    for query in QUERIES:
        np.testing.assert_allclose(candidate.logits(query), reference.logits(query), atol=1e-4)
        one, other = reference.decide(query), candidate.decide(query)
        assert (one.intent, one.route, one.truncated) == (other.intent, other.route, other.truncated)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-4)
    assert (reference.runtime.backend, candidate.runtime.backend) == ("torch", "onnx")
    assert candidate.runtime.provider == "CPUExecutionProvider"


def test_a_cut_query_is_flagged(int8, decision):
    classifier = Classifier.open(int8, decision, 1)
    assert not classifier.decide("现在几点了").truncated
    assert classifier.decide("现在几点了" * 100).truncated


SERVE = """
import sys, time
start = time.perf_counter()
from pathlib import Path
from pipeline.edge.classifier import Classifier
imported = time.perf_counter()
classifier = Classifier.open(Path(sys.argv[1]), Path(sys.argv[2]), 1)
found = classifier.decide("今天天气怎么样").to_json()
import json
took = {"import": imported - start, "whole": time.perf_counter() - start}
print(json.dumps({"found": found, "modules": sorted({name.split(".")[0] for name in sys.modules}), **took}))
"""


def test_what_serves_needs_neither_torch_nor_transformers(int8, decision):
    done = subprocess.run([sys.executable, "-c", SERVE, str(int8), str(decision)], cwd=ROOT, capture_output=True,
                          text=True, check=True)
    answer = json.loads(done.stdout)
    assert answer["found"]["query"] == "今天天气怎么样"
    heavy = {"torch", "transformers", "onnx", "onnxscript", "scipy", "pydantic", "yaml", "sympy", "pandas", "swift"}
    assert not heavy & set(answer["modules"])
    assert done.stderr == ""


@pytest.fixture()
def copies(fp32, decision, tmp_path) -> tuple[Path, Path]:
    return shutil.copytree(fp32, tmp_path / "model"), shutil.copytree(decision, tmp_path / "decision")


def refused(model: Path, decision: Path) -> str:
    with pytest.raises(EdgeError) as caught:
        Classifier.open(model, decision, 1)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def edit(where: Path, /, **fields: object) -> None:
    where.write_text(json.dumps({**json.loads(where.read_text()), **fields}))


def test_a_missing_model_directory(copies, tmp_path):
    assert "none at" in refused(tmp_path / "nowhere", copies[1])


def test_a_missing_decision_directory(copies, tmp_path):
    assert "none at" in refused(copies[0], tmp_path / "nowhere")


def test_no_runtime_json(copies):
    (copies[0] / "runtime.json").unlink()
    assert "expected runtime.json" in refused(*copies)


@pytest.mark.parametrize("backend", ["../../evil", "nothing", None, 7])
def test_an_unknown_backend(copies, backend):
    edit(copies[0] / "runtime.json", backend=backend)
    assert "expected a backend of " in refused(*copies)


@pytest.mark.parametrize("size", [0, 10, 50_000])
def test_a_truncated_model(copies, size):
    file = copies[0] / "model.onnx"
    file.write_bytes(file.read_bytes()[:size])
    assert "model.onnx: expected a readable ONNX model" in refused(*copies)


def test_a_missing_model_file(copies):
    (copies[0] / "model.onnx").unlink()
    assert "expected a model at" in refused(*copies)


@pytest.mark.parametrize("fields", [{"file": "../model.onnx"}, {"file": None}, {"max_length": 0}, {"max_length": "128"}])
def test_garbage_in_runtime_json(copies, fields):
    edit(copies[0] / "runtime.json", **fields)
    assert "expected a file name and a positive max_length" in refused(*copies)


def test_a_garbage_decision(copies):
    (copies[1] / "decision.json").write_bytes(b"\xff\xfe garbage")
    assert "decision.json: expected" in refused(*copies)


def test_a_decision_for_fewer_labels(copies):
    intents = json.loads((copies[1] / "decision.json").read_text())["intents"]
    edit(copies[1] / "decision.json", intents=intents[:4])
    assert "use the decision that was made from the same model" in refused(*copies)


def test_a_model_with_fewer_labels_than_its_runtime_json_says(copies, merged):
    extra = {"name": "seventh", "label": "G", "label_id": 38, "route": "cloud"}
    intents = json.loads((copies[1] / "decision.json").read_text())["intents"] + [extra]
    edit(copies[1] / "decision.json", intents=intents)
    edit(copies[0] / "runtime.json", label_ids=[intent["label_id"] for intent in intents])
    assert "expected logits for 7 labels" in refused(*copies)


def test_labels_beyond_a_torch_models_vocabulary(merged, copies):
    intents = json.loads((copies[1] / "decision.json").read_text())["intents"]
    edit(copies[1] / "decision.json", intents=[*intents[:5], {**intents[5], "label_id": 10**6}])
    assert "expected label ids below" in refused(merged, copies[1])


def test_a_provider_that_is_not_there_never_falls_back(copies):
    edit(copies[0] / "runtime.json", provider="CoreMLExecutionProvider")
    assert "expected the provider CoreMLExecutionProvider" in refused(*copies)


def test_a_provider_that_was_exchanged_in_silence_is_found(copies, monkeypatch):
    monkeypatch.setattr(onnxruntime.InferenceSession, "get_providers", lambda self: ["AzureExecutionProvider"])
    assert "but the session runs on AzureExecutionProvider" in refused(*copies)


def test_too_many_ids_and_none(fp32):
    runtime = load(fp32, json.loads((fp32 / "runtime.json").read_text())["label_ids"], 1)
    for ids in ([], [1] * 65):
        with pytest.raises(EdgeError, match="expected 1 to 64 token ids"):
            runtime.logits(ids)


def test_threads_below_one(fp32, decision):
    with pytest.raises(EdgeError, match="threads: expected at least 1"):
        Classifier.open(fp32, decision, 0)


def test_a_decision_is_the_same_from_many_threads(int8, decision):
    from concurrent.futures import ThreadPoolExecutor

    classifier = Classifier.open(int8, decision, 1)
    alone = [classifier.decide(query) for query in QUERIES]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(classifier.decide, QUERIES * 20)) == alone * 20


def test_a_longer_prompt_than_the_model_takes_is_refused_when_asked(fp32, merged, tmp_path):
    long = tiny_qwen3.write_decision(tmp_path / "decision", merged, max_length=500)
    with pytest.raises(EdgeError, match="expected 1 to 64 token ids"):
        Classifier.open(fp32, long, 1).decide("现在几点了" * 100)
