from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pipeline.errors import EdgeError
from pipeline.measure.program import (
    BLOCK,
    NO_NUMBER,
    VERIFIED,
    block_error,
    program_difference,
    program_faults,
    program_weights,
    run_program,
)
from pipeline.measure.subject import Subject
from pipeline.runtime.mil_runtime import MilRuntime
from tests.export.tiny_coreml import export
from tests.export.tiny_qwen3 import build, write_decision
from tests.program.damage import copied, edited, offset, set_padding, weight_file

QUERIES = ["今天天气怎么样", "现在几点了", "出门要不要带伞？" * 3, "time", "system user " * 4]
LIMIT = {"fp16": 1e-3, "int8": 0.03, "palette4": 0.2}  # of the weights, as in thresholds.yaml


@pytest.fixture(scope="module")
def long_decision(merged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_decision(tmp_path_factory.mktemp("long") / "decision", merged, max_length=80)


def run(model: Path, decision: Path, merged: Path):
    return run_program(Subject("tiny", model, decision, 1, {"tiny": "key"}), merged, QUERIES)


def worst(model: Path, decision: Path, merged: Path) -> tuple[float, float, float]:
    """The largest difference and weight error, and how many faults."""
    found = run(model, decision, merged)
    return max(program_difference(found).values), max(program_weights(found).values), program_faults([found]).value


@pytest.mark.parametrize("weights", ["fp16", "int8", "palette4"])
def test_a_whole_program_computes_what_torch_does(request, long_decision, merged, weights):
    difference, error, faults = worst(request.getfixturevalue(f"coreml_{weights}"), long_decision, merged)
    assert difference < 0.05 and error < LIMIT[weights] and faults == 0


def test_it_says_that_core_ml_did_not_execute_it(coreml_fp16, long_decision, merged):
    found = run(coreml_fp16, long_decision, merged)
    for measured in (program_difference(found), program_weights(found), program_faults([found])):
        assert measured.conditions["verified"] == measured.details["verified"] == VERIFIED
        assert measured.conditions["provider"] == "numpy, program semantics" and measured.artifacts == {"tiny": "key"}
    asked = len(program_difference(found).values)
    assert asked == program_faults([found]).details["n"] > len(QUERIES)  # some of them by every function


def test_every_function_is_executed(coreml_fp16, long_decision, merged, monkeypatch):
    """A fault in the longest is found, though no query is long enough to need it."""
    whole = MilRuntime.logits
    monkeypatch.setattr(MilRuntime, "logits", lambda me, ids, function="": whole(me, ids, function) + (function == "tokens_80"))
    assert max(program_difference(run(coreml_fp16, long_decision, merged)).values) > 0.9


@pytest.mark.parametrize("weights, name", [("fp16", "p_layers_1_mlp_up_weight_to_fp16"),
                                           ("int8", "p_layers_1_mlp_up_weight_to_fp16_quantized"),
                                           ("palette4", "p_layers_1_mlp_up_weight_to_fp16_palettized")])
def test_four_kilobytes_of_zeroed_weights_are_found(request, tmp_path, long_decision, merged, weights, name):
    model = copied(request.getfixturevalue(f"coreml_{weights}"), tmp_path / "model")
    start, size = offset(model, name)
    content = bytearray(weight_file(model).read_bytes())
    content[start : start + min(4096, size)] = bytes(min(4096, size))
    weight_file(model).write_bytes(content)
    difference, error, _ = worst(model, long_decision, merged)
    assert error > 0.9
    assert difference > 0.1 or weights != "fp16"  # the others are held against torch with the weights that they hold


def test_an_ignored_mask_is_found(coreml_fp16, tmp_path, long_decision, merged):
    model = edited(copied(coreml_fp16, tmp_path / "model"), lambda block: set_padding(block, 0.0))
    assert worst(model, long_decision, merged)[0] > 0.5


def test_a_wrong_scale_is_found(coreml_int8, tmp_path, long_decision, merged):
    model = copied(coreml_int8, tmp_path / "model")
    start, size = offset(model, "p_layers_0_attention_q_weight_to_fp16_quantized", of="scale")
    content = np.fromfile(weight_file(model), np.uint8)
    content[start : start + size].view(np.float16)[7] *= 1.5  # of one row
    content.tofile(weight_file(model))
    assert worst(model, long_decision, merged)[1] > LIMIT["int8"]


def test_activations_beyond_fp16_are_found(tmp_path, decision, merged):
    loud = Path(shutil.copytree(merged, tmp_path / "loud"))
    weights = load_file(loud / "model.safetensors")
    weights["model.layers.0.mlp.down_proj.weight"] *= 1e4  # a residual of 1e5
    save_file(weights, loud / "model.safetensors", {"format": "pt"})
    found = run(export(tmp_path / "out", loud, "fp16", longest=64), decision, loud)
    assert program_faults([found]).value > 0 and "overflow" in program_faults([found]).details["faults"].values()


def test_the_weights_of_another_model_are_found(coreml_fp16, tmp_path, long_decision):
    other = build(tmp_path / "other", intermediate_size=112)
    with pytest.raises(EdgeError, match="expected the weights layers.0.mlp.gate.weight"):
        run(coreml_fp16, long_decision, other)


def test_logits_that_are_no_number_count_as_the_largest(coreml_fp16, tmp_path, long_decision, merged):
    model = edited(copied(coreml_fp16, tmp_path / "model"), lambda block: set_padding(block, np.nan))
    assert worst(model, long_decision, merged)[0] == NO_NUMBER


def test_a_block_error_is_that_of_the_worst_neighbours():
    whole = np.random.default_rng(0).normal(size=(7, 500)).astype(np.float32)
    assert block_error(whole, whole) == 0
    for start in (0, BLOCK, whole.size - BLOCK):
        lost = whole.copy().ravel()
        lost[start : start + BLOCK] = 0
        assert block_error(whole, lost.reshape(whole.shape)) == pytest.approx(1)
    assert block_error(whole, np.full_like(whole, np.nan)) == NO_NUMBER
    assert block_error(np.float32([1, 2]), np.float32([1, 1])) == pytest.approx(5**-0.5)
