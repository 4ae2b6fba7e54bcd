from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.compress import Source, technique
from pipeline.compress.nbits import rewrite
from pipeline.compress.onnx_weights import dense_weights
from pipeline.errors import EdgeError
from tests.compress.graphs import calibrated, drift, edited, logits, random_prompts, read
from tests.export.tiny_qwen3 import compress

mixed = technique("mixed")


@pytest.fixture(scope="module")
def prompted(fp32, merged, tmp_path_factory) -> Source:
    return calibrated(fp32, merged, tmp_path_factory.mktemp("calibration"))


def test_a_layer_with_planted_outliers_gets_the_high_bits(prompted, merged, tmp_path):
    """A channel of the feed-forward moves from up to down, 100 times: the same function, and groups of down that 4 bits ruin."""
    def plant(weights: dict[str, np.ndarray]) -> None:
        for channel in (3, 40, 70):  # one in each group
            weights["layers.1.mlp.up.weight"][:, channel] /= 100
            weights["layers.1.mlp.down.weight"][channel] *= 100

    planted = edited(prompted.model, tmp_path / "planted", plant)
    np.testing.assert_allclose(logits(planted, random_prompts()), logits(prompted.model, random_prompts()), atol=1e-3)
    report = {}
    for name, source in {"plain": prompted, "planted": calibrated(planted, merged, tmp_path / "data")}.items():
        compress("mixed", tmp_path / name, source, bits=5.5)
        report[name] = read(tmp_path / name / "compression.json")
    assert report["plain"]["bits"]["layers.1.mlp"] == 4 and report["planted"]["bits"]["layers.1.mlp"] == 8
    assert report["planted"]["sensitivity"]["layers.1.mlp"] > 5 * report["plain"]["sensitivity"]["layers.1.mlp"]


def test_sensitivity_is_the_drift_of_the_graph_with_that_group_alone_quantised(prompted, tmp_path):
    compress("mixed", tmp_path / "out", prompted)
    sensitivity = read(tmp_path / "out" / "compression.json")["sensitivity"]
    groups = mixed.grouped(name for name in dict(dense_weights(prompted.model / "model.onnx")) if name != "embedding.weight")
    assert sensitivity.keys() == groups.keys() == {
        "head.weight", *(f"layers.{layer}.{part}" for layer in (0, 1) for part in ("attention", "mlp"))}
    for name, weights in groups.items():
        alone = edited(prompted.model, tmp_path / name, lambda _: None)
        model = onnx.load(str(alone / "model.onnx"))
        rewrite(model, dict.fromkeys(weights, mixed.Settings().form(4)))
        onnx.save(model, alone / "model.onnx")
        assert sensitivity[name] == pytest.approx(drift(alone, prompted), rel=1e-3, abs=1e-7), name


def test_it_is_closer_than_4_bits_and_within_its_average(prompted, tmp_path):
    compress("mixed", out := tmp_path / "mixed", prompted)
    compress("int4", tmp_path / "int4", prompted)
    report = read(out / "compression.json")
    assert 4 < report["average_bits"] <= 5 and report["left_in_float"] == []
    assert len(report["error"]) == 16 and all(0 < value < 0.2 for value in report["error"].values())
    assert drift(out, prompted) < drift(tmp_path / "int4", prompted)
    assert read(out / "runtime.json")["weights"] == "mixed"


def test_at_the_ends_of_the_average_it_is_int4_and_int8_and_two_runs_are_identical(prompted, tmp_path):
    for bits in (4, 8):
        compress("mixed", tmp_path / f"mixed{bits}", prompted, bits=bits, samples=1)
        compress("int4", tmp_path / f"int{bits}", prompted, bits=bits)
        assert (tmp_path / f"mixed{bits}" / "model.onnx").read_bytes() == (tmp_path / f"int{bits}" / "model.onnx").read_bytes()
    for run in "ab":
        compress("mixed", tmp_path / run, prompted, samples=2)
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in ("model.onnx", "compression.json"))


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.tuples(st.floats(0, 10), st.integers(1, 1000)), min_size=1, max_size=8),
       st.floats(2, 8))
@settings(max_examples=100, deadline=None)
def test_the_average_holds_and_no_better_group_of_no_larger_size_is_passed_over(groups, bits):
    sensitivity, sizes = {name: value for name, (value, _) in groups.items()}, {name: size for name, (_, size) in groups.items()}
    found = mixed.allot(sensitivity, sizes, mixed.Settings(low=2, high=8, bits=bits))
    assert mixed.average(found, sizes) <= bits
    for high in (name for name in found if found[name] == 8):
        for low in (name for name in found if found[name] == 2):
            assert sensitivity[low] / sizes[low] <= sensitivity[high] / sizes[high] or sizes[low] > sizes[high]


def test_without_data_or_with_a_generator_it_is_refused(prompted, merged, generator_fp32, tmp_path):
    with pytest.raises(EdgeError, match="expected calibration data, found none"):
        compress("mixed", tmp_path / "a", Source(prompted.model, origin=merged, prompt=prompted.prompt))
    with pytest.raises(EdgeError, match="found a generator"):
        compress("mixed", tmp_path / "b", Source(generator_fp32, origin=merged, train=prompted.train, prompt=prompted.prompt))


@pytest.mark.parametrize("chosen", [{"bits": 3}, {"low": 4, "high": 4}, {"bits": 9}])
def test_an_average_outside_its_bits_is_refused(chosen):
    with pytest.raises(ValidationError):
        mixed.Settings(**chosen)
