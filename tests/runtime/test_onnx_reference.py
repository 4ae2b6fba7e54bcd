"""The float16 graph, computed in float16 throughout: what ONNX Runtime's CPU provider would hide is seen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Qwen3ForCausalLM

from pipeline.errors import EdgeError
from pipeline.export import onnx_coreml
from pipeline.runtime import load
from tests.export.tiny_qwen3 import build

CONFIG = {"opset": 18, "lengths": [32], "max_length": 64}
PROMPT = list(range(3, 23))


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose residual goes beyond 256, where a square no longer fits float16."""
    directory = build(tmp_path_factory.mktemp("loud") / "merged", tie_word_embeddings=False)
    model = Qwen3ForCausalLM.from_pretrained(directory)
    with torch.no_grad():
        model.model.embed_tokens.weight *= 2000
    model.save_pretrained(directory)
    return directory


def exported(merged: Path, out: Path) -> Path:
    out.mkdir()
    onnx_coreml.export(out, out, merged=merged, config=CONFIG)
    return out


def apart(merged: Path, model: Path, backend: str) -> float:
    ids = json.loads((model / "runtime.json").read_text())["label_ids"]
    found, expected = load(model, ids, 1, backend).logits(PROMPT), load(merged, ids, 1).logits(PROMPT)
    return float(np.abs(found - expected).max()) if np.isfinite(found).all() else np.inf


def test_a_loud_residual_is_computed_within_float16(loud, tmp_path):
    assert apart(loud, exported(loud, tmp_path / "half"), "onnx-reference") < 0.05


def test_plain_norms_overflow_and_only_the_reference_sees_it(loud, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_coreml, "in_half_range", lambda forward: forward)
    plain = exported(loud, tmp_path / "plain")
    assert apart(loud, plain, "onnx-reference") > 0.5


def test_a_graph_that_cannot_be_read_is_one_line(loud, tmp_path):
    model = exported(loud, tmp_path / "broken")
    ids = json.loads((model / "runtime.json").read_text())["label_ids"]
    (model / "model.onnx").write_bytes((model / "model.onnx").read_bytes()[:500])
    with pytest.raises(EdgeError, match="expected a readable ONNX model"):
        load(model, ids, 1, "onnx-reference")
