from __future__ import annotations

import logging

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.compress import Source, technique
from pipeline.compress.nbits import Form, quantise
from pipeline.compress.onnx_weights import dense_weights
from pipeline.compress.plan import Plan
from pipeline.compress.report import relative_error
from pipeline.errors import EdgeError
from pipeline.runtime.generator import open_generator
from tests.compress.graphs import logits, random_prompts, read
from tests.export.tiny_qwen3 import compress

SEEDS = st.integers(0, 2**32 - 1)


def error(matrix: np.ndarray, *form: object) -> float:
    return relative_error(matrix, quantise(matrix, Form(*form)).values)


def matrix(seed: int, *, tails: bool = False) -> np.ndarray:
    random = np.random.default_rng(seed)
    return ((random.standard_t(2, (16, 512)) if tails else random.normal(size=(16, 512))) * 0.02).astype(np.float32)


@given(SEEDS, st.booleans(), st.sampled_from(["rtn", "k_quant"]))
@settings(max_examples=10, deadline=None)
def test_more_bits_are_never_worse(seed, tails, method):
    errors = [error(matrix(seed, tails=tails), bits, 32, method) for bits in (2, 4, 8)]
    assert errors[0] > errors[1] > errors[2] > 0


@given(SEEDS, st.booleans(), st.sampled_from([2, 4, 8]))
@settings(max_examples=10, deadline=None)
def test_smaller_groups_are_never_worse(seed, tails, bits):
    errors = [error(matrix(seed, tails=tails), bits, group) for group in (16, 32, 64, 128, 256)]
    assert errors == sorted(errors)


@given(SEEDS)
@settings(max_examples=5, deadline=None)
def test_hqq_is_no_worse_than_rounding_where_tails_are_heavy(seed):
    """Both for weights of 0.02 as they come, by the mean error that it minimises."""
    exact = matrix(seed, tails=True)
    hqq, rtn = (float(np.abs(exact - quantise(exact, Form(4, 64, method)).values).mean()) for method in ("hqq", "rtn"))
    assert hqq <= rtn


def test_what_is_written(fp32, tmp_path):
    compress("int4", out := tmp_path / "out", Source(fp32), activations="int8")
    assert read(out / "runtime.json") == {**read(fp32 / "runtime.json"), "weights": "int4"}
    report = read(out / "compression.json")
    assert report["quantised_nodes"] == 2 * 7 + 2 and report["left_in_float"] == []
    assert len(report["error"]) == 16 and all(0 < value < 0.2 for value in report["error"].values())
    nodes = [node for node in onnx.load(str(out / "model.onnx")).graph.node if node.op_type == "MatMulNBits"]
    assert {attribute.i for node in nodes for attribute in node.attribute if attribute.name == "accuracy_level"} == {4}


def test_the_prediction_is_what_the_file_takes(fp32, tmp_path):
    """Of weights, scales and zero points; the plan's head is cut, so the head's five bytes a row are left out here."""
    plan = Plan(vocabulary=358, hidden=64, layers=2, ffn=96, heads=4, kv_heads=2, head_dim=16, tied=True)
    module = technique("int4")
    for chosen in ({}, {"symmetric": True, "embedding": "int4"}, {"bits": 2, "method": "hqq"}, {"bits": 8, "embedding": "float32"}):
        compress("int4", out := tmp_path / str(chosen), Source(fp32), **chosen)
        graph = onnx.load(str(out / "model.onnx")).graph
        found = sum(len(tensor.raw_data) for tensor in graph.initializer
                    if tensor.name.startswith(("layers", "embedding")) and not tensor.name.endswith("norm.weight") and len(tensor.dims) > 1)
        # A row's zero points fill whole bytes, which counts where there are 2 or 3 of them.
        assert found == pytest.approx(module.predict(plan, module.Settings(**chosen)).bytes, rel=0.03)


def test_int8_activations_change_the_product_and_not_the_weights(fp32, tmp_path):
    for kind in ("int8", "float32"):
        compress("int4", tmp_path / kind, Source(fp32), activations=kind, embedding="float32")
    (exact, found), prompts = ([dict(dense_weights(tmp_path / kind / "model.onnx")) for kind in ("float32", "int8")]), random_prompts()
    assert all((exact[name] == found[name]).all() for name in exact)
    off = np.abs(logits(tmp_path / "int8", prompts) - logits(tmp_path / "float32", prompts)).max()
    assert 0 < off < 0.5 * logits(fp32, prompts).std()
    assert (exact["embedding.weight"] == dict(dense_weights(fp32 / "model.onnx"))["embedding.weight"]).all()


@pytest.mark.parametrize("chosen", [{"method": "rtn"}, {"method": "hqq"}, {"method": "k_quant"}])
def test_two_runs_are_identical_and_say_nothing(fp32, tmp_path, capfd, chosen):
    handlers = list(logging.getLogger().handlers)
    for run in ("a", "b"):
        compress("int4", tmp_path / run, Source(fp32), **chosen)
    assert (tmp_path / "a" / "model.onnx").read_bytes() == (tmp_path / "b" / "model.onnx").read_bytes()
    assert capfd.readouterr() == ("", "") and logging.getLogger().handlers == handlers


def test_a_generator_keeps_its_tokenizer_and_runs(generator_fp32, tmp_path):
    compress("int4", out := tmp_path / "out", Source(generator_fp32), bits=8)
    assert (out / "tokenizer.json").read_bytes() == (generator_fp32 / "tokenizer.json").read_bytes()
    ids = list(range(20))
    whole, small = (open_generator(directory, 1).start(ids).logits for directory in (generator_fp32, out))
    assert 0 < np.abs(whole - small).max() < whole.std() / 4


@pytest.mark.parametrize(("chosen", "reason"), [
    ({"group": 64}, "found 64 for layers.0.mlp.down.weight with 96"), ({"group": 128}, "divides every matrix's input width")])
def test_a_group_that_does_not_divide_is_refused(fp32, tmp_path, chosen, reason):
    with pytest.raises(EdgeError, match=reason):
        compress("int4", tmp_path / "out", Source(fp32), **chosen)


def test_a_quantised_graph_is_refused(int8, tmp_path):
    with pytest.raises(EdgeError, match="expected fp32 weights, found int8"):
        compress("int4", tmp_path / "out", Source(int8))


@pytest.mark.parametrize("chosen", [{"bits": 3}, {"group": 48}, {"method": "hqq", "bits": 8}, {"method": "hqq", "activations": "int8"},
                                    {"method": "k_quant", "symmetric": True}, {"scheme": "x"}])
def test_settings_that_no_kernel_serves_are_refused(chosen):
    with pytest.raises(ValidationError):
        technique("int4").Settings(**chosen)
