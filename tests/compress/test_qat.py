from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.compress import technique
from pipeline.compress.lessons import read_queries, teach
from pipeline.compress.model import matrices, open_model
from pipeline.compress.plan import plan_of
from pipeline.compress.techniques.qat import Rounded
from pipeline.compress.training import judge
from pipeline.errors import EdgeError
from tests.compress.healing import weights_of
from tests.export.tiny_qwen3 import compress

ORT = {4: "quantize_matmul_4bits", 8: "quantize_matmul_8bits"}


def divergence_when_rounded(directory, bits, group, lessons):
    model = open_model(directory)
    with torch.no_grad():
        for matrix in matrices(model).values():
            matrix.weight.copy_(onnx_runtime_rtn(matrix.weight, bits, group))
    return judge(model, lessons)["loss"]


def onnx_runtime_rtn(weight, bits, group):
    """[out, in] as MatMulNBits would hold it, by ONNX Runtime's own kernel; 2 bits by `Rounded`, for it has no kernel."""
    if bits not in ORT:
        return Rounded(bits, group)(weight)
    from onnxruntime.capi import _pybind_state

    rows, columns = weight.shape
    groups = columns // group
    codes = np.zeros((rows, groups, group * bits // 8), np.uint8)
    scales, zeros = np.zeros(rows * groups, np.float32), np.zeros(rows * ((groups * bits + 7) // 8), np.uint8)
    transposed = np.ascontiguousarray(weight.detach().numpy().T)
    getattr(_pybind_state, ORT[bits])(codes, transposed, scales, zeros, group, rows, columns, True)
    if bits == 4:
        codes = np.stack([codes & 15, codes >> 4], -1)
    signed = codes.reshape(rows, groups, group).astype(np.float32) - 2 ** (bits - 1)
    return torch.from_numpy((signed * scales.reshape(rows, groups, 1)).reshape(rows, columns))


@pytest.mark.parametrize("bits", ORT)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), group=st.sampled_from([16, 32]))
def test_it_trains_on_the_grid_that_onnx_runtime_rounds_to(bits, seed, group):
    weight = torch.randn(6, 64, generator=torch.Generator().manual_seed(seed))
    weight[0, :32] = 0
    assert torch.allclose(Rounded(bits, group)(weight), onnx_runtime_rtn(weight, bits, group), atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([2, 4, 8]))
def test_rounding_is_idempotent_and_more_bits_are_closer(seed, bits):
    weight = torch.randn(4, 32, generator=torch.Generator().manual_seed(seed))
    found = Rounded(bits, 16)(weight)
    assert torch.allclose(Rounded(bits, 16)(found), found, atol=1e-6)
    assert (found - weight).norm() > (Rounded(2 * bits, 16)(weight) - weight).norm() or bits == 8


def test_trained_so_the_rounded_model_is_closer_to_its_teacher(taught, tmp_path):
    """The planted fault: the same rounding without training.  Two bits, so that rounding hurts so small a model."""
    asked = {"transfer": 0, "epochs": 2.0, "batch_size": 16, "bits": 2, "group": 32, "learning_rate": 2e-3}
    compress("qat", tmp_path / "out", taught, **asked)
    held_out, = teach(taught, read_queries(taught, taught.validation))
    untrained, trained = (divergence_when_rounded(folder, 2, 32, held_out) for folder in (taught.model, tmp_path / "out"))
    assert untrained > 0.05 and trained < untrained / 2
    report = json.loads((tmp_path / "out" / "compression.json").read_text())["validation"]
    assert (report["before"]["loss"], report["after"]["loss"]) == pytest.approx((untrained, trained), abs=1e-4)
    one, other = open_model(tmp_path / "out"), open_model(taught.model)
    assert {name: weight.shape for name, weight in one.named_parameters()} == {
        name: weight.shape for name, weight in other.named_parameters()}
    written = one.model.layers[0].mlp.up_proj.weight
    assert not torch.allclose(written, Rounded(2, 32)(written))


def test_two_runs_give_the_same_bytes(taught, tmp_path):
    for name in ("one", "other"):
        compress("qat", tmp_path / name, taught, transfer=0, epochs=0.2, batch_size=16)
    assert weights_of(tmp_path / "one") == weights_of(tmp_path / "other") != weights_of(taught.model)


def test_a_group_that_does_not_divide_is_refused(taught, tmp_path):
    with pytest.raises(EdgeError, match=r"layers.0.*divides its input width 64, found 48; choose another group"):
        compress("qat", tmp_path / "out", taught, transfer=0, group=48)


def test_the_prediction_keeps_sizes(taught):
    qat, plan = technique("qat"), plan_of(taught.model)
    found = qat.predict(plan, qat.Settings())
    assert replace(found, seconds=0) == plan and found.seconds > 0
