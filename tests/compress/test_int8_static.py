from __future__ import annotations

import numpy as np
import pytest

from pipeline.compress import Source, technique
from pipeline.compress.calibration import asked
from pipeline.errors import EdgeError
from pipeline.runtime.prompt import read_tokenizer
from tests.compress.graphs import calibrated, drift, edited, read
from tests.export.tiny_qwen3 import TEXTS, compress

RARE = "Q"  # a character of no other text and of no prompt


@pytest.fixture(scope="module")
def prompted(fp32, merged, tmp_path_factory) -> Source:
    return calibrated(fp32, merged, tmp_path_factory.mktemp("calibration"))


@pytest.mark.parametrize("method", ["minmax", "entropy", "percentile"])
def test_every_method_takes_prompts_of_several_lengths_and_stays_close(prompted, tmp_path, capfd, method):
    assert len({len(one.ids) for one in asked(prompted)}) > 2
    compress("int8_static", out := tmp_path / "out", prompted, method=method)
    report = read(out / "compression.json")
    assert report["integer_matmuls"] == 2 * 7 + 1 and report["left_in_float"] == [] and report["prompts"] == 5
    assert len(report["error"]) == 16 and all(0 < value < 0.02 for value in report["error"].values())
    assert report["ranges"]["activations"] == 2 * 4 + 1 + 1  # the last layer's query is read at the last token alone
    assert report["bytes"]["after"] < report["bytes"]["before"] / 2
    assert read(out / "runtime.json") == {**read(prompted.model / "runtime.json"), "weights": "int8-static"}
    assert 0 < drift(out, prompted) < 0.02
    assert capfd.readouterr() == ("", "")


def test_percentile_beats_minmax_where_one_calibration_activation_is_absurd(fp32, merged, tmp_path):
    """A token of one prompt has a channel of its own, which no other token and no layer writes to, and norms that blow it up."""
    token = read_tokenizer(merged).encode(RARE).ids
    assert len(token) == 1

    def plant(weights: dict[str, np.ndarray]) -> None:
        embedding, channel = weights["embedding.weight"], 5
        embedding[:, channel], embedding[token] = 0, 0
        embedding[token, channel] = 1
        for name, weight in weights.items():
            if name.endswith(("o.weight", "down.weight")):
                weight[:, channel] = 0
            elif name.endswith(("before.weight", "after.weight")):
                weight[channel] = 50

    source = edited(fp32, tmp_path / "planted", plant)
    ordinary = calibrated(source, merged, tmp_path / "ordinary", TEXTS[:20])
    absurd = calibrated(source, merged, tmp_path / "absurd", [*TEXTS[:20], RARE])
    off = {}
    for method in ("minmax", "percentile"):
        compress("int8_static", tmp_path / method, absurd, method=method, percentile=99.8)
        off[method] = drift(tmp_path / method, ordinary)
    assert off["percentile"] < off["minmax"] / 10


def test_two_runs_are_identical_and_the_seed_chooses_the_prompts(prompted, tmp_path):
    for run, chosen in {"a": {}, "b": {}, "c": {"seed": 7}}.items():
        compress("int8_static", tmp_path / run, prompted, samples=2, **chosen)
    a, b, c = ((tmp_path / run / "model.onnx").read_bytes() for run in "abc")
    assert a == b != c


def test_without_data_or_with_a_generator_it_is_refused(prompted, merged, generator_fp32, tmp_path):
    with pytest.raises(EdgeError, match="expected calibration data, found none"):
        compress("int8_static", tmp_path / "a", Source(prompted.model, origin=merged, prompt=prompted.prompt))
    with pytest.raises(EdgeError, match="found a generator"):
        compress("int8_static", tmp_path / "b", Source(generator_fp32, origin=merged, train=prompted.train, prompt=prompted.prompt))
    assert technique("int8_static").NEEDS == ("data",)
