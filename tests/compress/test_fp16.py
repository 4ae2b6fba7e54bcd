from __future__ import annotations

import numpy as np
import pytest

from pipeline.compress import Source, technique
from pipeline.compress.onnx_weights import dense_weights
from pipeline.compress.plan import Plan
from pipeline.errors import EdgeError
from pipeline.runtime.generator import open_generator
from tests.compress.graphs import edited, logits, random_prompts, read
from tests.export.tiny_qwen3 import compress


def test_the_file_halves_and_every_weight_is_its_float16(fp32, tmp_path):
    compress("fp16", out := tmp_path / "out", Source(fp32))
    exact, found = (dict(dense_weights(directory / "model.onnx")) for directory in (fp32, out))
    assert exact.keys() == found.keys() and len(exact) == 16
    assert all((found[name] == matrix.astype(np.float16).astype(np.float32)).all() for name, matrix in exact.items())
    report = read(out / "compression.json")
    assert report["weight_bytes"]["after"]["float16"] == sum(matrix.size for matrix in exact.values()) * 2
    assert report["left_in_float"] == [] and all(0 < value < 1e-3 for value in report["error"].values())
    assert read(out / "runtime.json") == {**read(fp32 / "runtime.json"), "weights": "fp16"}
    plan = Plan(358, 64, 2, 96, 4, 2, 16, tied=True)
    head = exact["head.weight"].size * 2
    assert technique("fp16").predict(plan, technique("fp16").Settings()).bytes + head == report["weight_bytes"]["after"]["float16"]


def test_the_logits_hardly_move_and_two_runs_are_identical(fp32, tmp_path):
    for run in ("a", "b"):
        compress("fp16", tmp_path / run, Source(fp32))
    prompts = random_prompts()
    assert 0 < np.abs(logits(fp32, prompts) - logits(tmp_path / "a", prompts)).max() < 0.02
    assert (tmp_path / "a" / "model.onnx").read_bytes() == (tmp_path / "b" / "model.onnx").read_bytes()


def test_a_generator_runs(generator_fp32, tmp_path):
    compress("fp16", out := tmp_path / "out", Source(generator_fp32))
    whole, small = (open_generator(directory, 1).start([3, 4, 5]).logits for directory in (generator_fp32, out))
    assert 0 < np.abs(whole - small).max() < 0.05


def test_a_weight_beyond_the_range_is_refused(fp32, tmp_path):
    def grow(weights: dict[str, np.ndarray]) -> None:
        weights["layers.1.mlp.up.weight"][3, 4] = 7e4

    with pytest.raises(EdgeError, match=r"layers.1.mlp.up.weight: expected weights within float16's range, found 7e\+04"):
        compress("fp16", tmp_path / "out", Source(edited(fp32, tmp_path / "source", grow)))
