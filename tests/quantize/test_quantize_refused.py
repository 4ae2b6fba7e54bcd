"""What cannot be quantised is one line, and no output."""

from __future__ import annotations

import json
import resource
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.errors import EdgeError


@pytest.fixture
def model(merged, tmp_path):
    """A copy to be damaged."""
    return shutil.copytree(merged, tmp_path / "model")


@pytest.fixture
def refused(model, quantise, tmp_path):
    def run(message, **settings):
        before = sorted(tmp_path.iterdir())
        with pytest.raises(EdgeError, match=message):
            quantise(**{"input": model, **settings})
        assert [path for path in sorted(tmp_path.iterdir()) if path.name != "store"] == [path for path in before if path.name != "store"]

    return run


def change(model, **tensors):
    stored = load_file(model / "model.safetensors") | tensors
    save_file({name: tensor for name, tensor in stored.items() if tensor is not None}, model / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["model.layers.1.mlp.up_proj.weight", "model.embed_tokens.weight"])
def test_a_weight_that_is_not_finite(value, name, model, refused):
    tensor = load_file(model / "model.safetensors")[name]
    tensor[-1, -1] = value
    change(model, **{name: tensor})
    refused(f"{name}: expected finite weights, found 1 NaN or infinite")


def test_a_model_that_is_quantised_already(quantise, refused):
    refused("expected a model that is not quantised yet, found one by compressed-tensors", input=quantise("once"), out="twice")


def test_a_model_that_is_not_whole(model, refused):
    whole = (model / "model.safetensors").read_bytes()
    (model / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    refused("expected whole weights in .*model.safetensors")
    (model / "model.safetensors").unlink()
    refused("expected weights, model.safetensors")
    shutil.rmtree(model)
    refused("expected a model directory or a Parquet file, found none")
    model.write_text("no model")
    refused("expected a model directory or a Parquet file, found neither")


def test_weights_that_do_not_fit_the_configuration(model, refused):
    change(model, **{"model.norm.weight": None})
    refused("expected the tensor model.norm.weight of its config.json, found none")
    change(model, **{"model.norm.weight": torch.ones(7)})
    refused(r"model.norm.weight in .*: expected the shape \[64\] of config.json, found \[7\]")
    (model / "config.json").write_text('{"model_type": "nobody knows"}')
    refused("expected a causal language model that transformers knows")
    (model / "config.json").write_text("{")
    refused("expected a model's configuration as JSON")


def test_shards_that_are_missing(model, refused):
    names = list(stored := load_file(model / "model.safetensors"))
    (model / "model.safetensors").unlink()
    save_file({name: stored[name] for name in names[1:]}, model / "one.safetensors")
    index = {"weight_map": dict.fromkeys(names, "one.safetensors")}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(f"one.safetensors: expected the tensor {names[0]}, found none")
    index["weight_map"][names[0]] = "other.safetensors"
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    refused("expected whole weights in .*other.safetensors")
    index["weight_map"][names[0]] = "../other.safetensors"
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    refused("found one outside the model directory")


def test_settings_that_do_not_fit(refused, merged):
    refused("down_proj.weight: expected inputs in groups of 64, found 96; set --group-size", method="int4-rtn", group_size=64)
    refused("expected a matrix to quantise, found all of them ignored", ignore=("re:.*",))
    refused("int4-gptq: expected calibration data, found none", method="int4-gptq", backend="llmcompressor")


def test_an_output_that_is_there(quantise, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("precious")
    with pytest.raises(EdgeError, match="expected nothing there yet, found a folder"):
        quantise()
    assert (tmp_path / "out" / "mine").read_text() == "precious" and not (tmp_path / "out.part").exists()


@pytest.mark.parametrize("backend", ["ptq", "llmcompressor"])
def test_a_disk_that_fills_at_70_percent(backend, model, refused, quantise, tmp_path):
    size = (quantise("fits", backend=backend) / "model.safetensors").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size * 0.7), before[1]))
    try:
        refused("File too large", backend=backend)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
