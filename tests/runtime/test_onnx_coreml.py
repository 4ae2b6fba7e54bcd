"""The Core ML provider's backend, run on the CPU provider: the same sessions of fixed lengths, padding and mask."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from pipeline import runtime
from pipeline.errors import EdgeError
from pipeline.export.onnx_coreml import export
from pipeline.runtime import compiled, load, onnx_coreml_runtime, onnx_runtime
from pipeline.runtime.onnx_coreml_runtime import open_runtime
from pipeline.runtime.onnx_runtime import CPU
from tests.export.tiny_qwen3 import EXPORT

HALF = 0.05  # of logits of a few units, computed in float16


@pytest.fixture(scope="session")
def exported(merged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real Qwen3 in the format onnx-coreml, for sessions of 32 and 64 ids."""
    directory = tmp_path_factory.mktemp("onnx-coreml")
    export(directory, directory, merged=merged, config={**EXPORT, "lengths": [32, 64, 128]})
    return directory


def labels(directory: Path) -> list[int]:
    return json.loads((directory / "runtime.json").read_text())["label_ids"]


def test_padded_to_a_fixed_length_it_answers_like_transformers(merged: Path, exported: Path) -> None:
    ids = labels(exported)
    whole, padded = load(merged, ids, 1), open_runtime(exported, ids, 1, CPU)
    prompts = [list(range(1, length + 1)) for length in (1, 2, 31, 32, 33, 63, 64)]
    for prompt in prompts:
        np.testing.assert_allclose(padded.logits(prompt), whole.logits(prompt), atol=HALF)
    with ThreadPoolExecutor(4) as pool:
        for prompt, found in zip(prompts, pool.map(padded.logits, prompts), strict=True):
            np.testing.assert_allclose(found, whole.logits(prompt), atol=HALF)
    told = padded.placement(prompts)
    assert told["time"] == {CPU: 1.0} and told["nodes"][CPU] > 100


def test_each_length_is_a_session_of_static_shapes(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []
    real = onnx_coreml_runtime.open_session

    def opened(*arguments: object, **options: object) -> object:
        session = real(*arguments, **options)
        shapes.append([each.shape for each in session.get_inputs()])
        return session

    monkeypatch.setattr(onnx_coreml_runtime, "open_session", opened)
    model = open_runtime(exported, labels(exported), 1, CPU)
    for length in (5, 6, 40):
        model.logits([1] * length)
    assert shapes == [[[1, 64], [1, 64]], [[1, 32], [1, 32]]]


def test_the_provider_gets_its_documented_options_and_a_cache_for_each_length(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(compiled.FOLDER_VARIABLE, str(tmp_path))
    asked = []
    monkeypatch.setattr(ort, "get_available_providers", lambda: [onnx_coreml_runtime.COREML, CPU])
    real = ort.InferenceSession

    def session(file: str, options: object, providers: list) -> object:
        asked.extend(providers)
        made = real(file, options, providers=[CPU])
        made.get_providers = lambda: [onnx_coreml_runtime.COREML, CPU]
        return made

    monkeypatch.setattr(onnx_runtime.ort, "InferenceSession", session)
    runtime.load(exported, labels(exported), 1, "onnx-coreml").logits([1, 2])
    (name, long), (_, short) = asked
    assert name == "CoreMLExecutionProvider" and long["ModelFormat"] == "MLProgram" and long["RequireStaticInputShapes"] == "1"
    assert long["ModelCacheDirectory"] != short["ModelCacheDirectory"]
    assert all(Path(options["ModelCacheDirectory"]).is_dir() and Path(options["ModelCacheDirectory"]).is_relative_to(tmp_path)
               for options in (long, short))


@pytest.mark.parametrize("lengths", [None, [], [32], [32, 128], ["64"], [0, 64], [True, 64], 64])
def test_lengths_that_do_not_go_up_to_the_longest_prompt(exported: Path, tmp_path: Path, lengths: object) -> None:
    spec = json.loads((exported / "runtime.json").read_text())
    (tmp_path / "runtime.json").write_text(json.dumps({**spec, "lengths": lengths}))
    with pytest.raises(EdgeError, match="lengths"):
        open_runtime(tmp_path, labels(exported), 1, CPU)


def test_a_graph_without_a_mask_is_refused(fp32: Path, tmp_path: Path) -> None:
    spec = json.loads((fp32 / "runtime.json").read_text())
    (tmp_path / "runtime.json").write_text(json.dumps({**spec, "lengths": [64]}))
    (tmp_path / "model.onnx").write_bytes((fp32 / "model.onnx").read_bytes())
    with pytest.raises(EdgeError, match="and a mask"):
        open_runtime(tmp_path, labels(fp32), 1, CPU)


@pytest.mark.parametrize("ids", [[], [1] * 65])
def test_prompts_that_fit_no_length(exported: Path, ids: list[int]) -> None:
    with pytest.raises(EdgeError, match="1 to 64 token ids"):
        open_runtime(exported, labels(exported), 1, CPU).logits(ids)


def test_another_decision_s_labels(exported: Path) -> None:
    with pytest.raises(EdgeError, match="label ids"):
        open_runtime(exported, [1, 2], 1, CPU)


@pytest.mark.skipif("CoreMLExecutionProvider" in ort.get_available_providers(), reason="this onnxruntime has it")
def test_elsewhere_it_says_why_and_what_would_run(fp32: Path) -> None:
    reason = runtime.why_not_here("onnx-coreml")
    assert "no CoreMLExecutionProvider" in reason and "make m4" in reason
    with pytest.raises(EdgeError, match="no CoreMLExecutionProvider"):
        runtime.load(fp32, labels(fp32), 1, "onnx-coreml")
