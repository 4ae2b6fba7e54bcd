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
from pipeline.export.onnx import export_onnx
from pipeline.runtime import compiled, load, onnx_coreml_runtime, onnx_runtime
from pipeline.runtime.onnx_coreml_runtime import lengths, open_runtime
from pipeline.runtime.onnx_runtime import CPU
from tests.export.tiny_qwen3 import EXPORT


@pytest.fixture(scope="session")
def masked(merged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real Qwen3's graph that takes a mask; made once, whichever worker comes first."""
    directory = tmp_path_factory.mktemp("masked")
    export_onnx(directory, merged=merged, config={**EXPORT, "mask": True})
    return directory


def labels(directory: Path) -> list[int]:
    return json.loads((directory / "runtime.json").read_text())["label_ids"]


def test_padded_to_a_fixed_length_it_answers_like_transformers(merged: Path, masked: Path) -> None:
    ids = labels(masked)
    whole, padded, plain = load(merged, ids, 1), open_runtime(masked, ids, 1, CPU), load(masked, ids, 1)
    prompts = [list(range(1, length + 1)) for length in (1, 2, 31, 32, 33, 63, 64)]
    for prompt in prompts:
        expected = whole.logits(prompt)
        np.testing.assert_allclose(padded.logits(prompt), expected, atol=1e-4)
        np.testing.assert_allclose(plain.logits(prompt), expected, atol=1e-4)  # the mask is no burden to the backend onnx
    with ThreadPoolExecutor(4) as pool:
        for prompt, found in zip(prompts, pool.map(padded.logits, prompts), strict=True):
            np.testing.assert_allclose(found, whole.logits(prompt), atol=1e-4)
    told = padded.placement(prompts)
    assert told["time"] == {CPU: 1.0} and told["nodes"][CPU] > 100


def test_each_length_is_a_session_of_static_shapes(masked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []
    real = onnx_coreml_runtime.open_session

    def opened(*arguments: object, **options: object) -> object:
        session = real(*arguments, **options)
        shapes.append([each.shape for each in session.get_inputs()])
        return session

    monkeypatch.setattr(onnx_coreml_runtime, "open_session", opened)
    model = open_runtime(masked, labels(masked), 1, CPU)
    for length in (5, 6, 40):
        model.logits([1] * length)
    assert shapes == [[[1, 64], [1, 64]], [[1, 32], [1, 32]]]


def test_the_provider_gets_its_documented_options_and_a_cache_for_each_length(
    masked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    runtime.load(masked, labels(masked), 1, "onnx-coreml").logits([1, 2])
    (name, long), (_, short) = asked
    assert name == "CoreMLExecutionProvider" and long["ModelFormat"] == "MLProgram" and long["RequireStaticInputShapes"] == "1"
    assert long["ModelCacheDirectory"] != short["ModelCacheDirectory"]
    assert all(Path(options["ModelCacheDirectory"]).is_dir() and Path(options["ModelCacheDirectory"]).is_relative_to(tmp_path)
               for options in (long, short))


def test_a_graph_that_cannot_be_padded_is_refused(fp32: Path) -> None:
    with pytest.raises(EdgeError, match="mask: true"):
        open_runtime(fp32, labels(fp32), 1, CPU)


def test_a_fused_graph_takes_no_mask(merged: Path, tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="fused"):
        export_onnx(tmp_path, merged=merged, config={**EXPORT, "mask": True, "graph": "fused"})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ids", [[], [1] * 65])
def test_prompts_that_fit_no_length(masked: Path, ids: list[int]) -> None:
    with pytest.raises(EdgeError, match="1 to 64 token ids"):
        open_runtime(masked, labels(masked), 1, CPU).logits(ids)


def test_another_decision_s_labels(masked: Path) -> None:
    with pytest.raises(EdgeError, match="label ids"):
        open_runtime(masked, [1, 2], 1, CPU)


def test_lengths() -> None:
    assert [lengths(longest) for longest in (16, 32, 33, 128)] == [[16], [32], [32, 33], [32, 64, 128]]


@pytest.mark.skipif("CoreMLExecutionProvider" in ort.get_available_providers(), reason="this onnxruntime has it")
def test_elsewhere_it_says_why_and_what_would_run(fp32: Path) -> None:
    reason = runtime.why_not_here("onnx-coreml")
    assert "no CoreMLExecutionProvider" in reason and "make m4" in reason
    with pytest.raises(EdgeError, match="no CoreMLExecutionProvider"):
        runtime.load(fp32, labels(fp32), 1, "onnx-coreml")
