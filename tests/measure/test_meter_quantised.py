"""What quantised models say of themselves, and whether Parquet keeps every bit: a planted fault of each kind is seen."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.measure import weight_round_trip
from pipeline.measure.quantised import quantisation_time, untold
from pipeline.measure.weight_round_trip import round_trip


@dataclass
class Made:
    """As much of an artifact as these meters look at."""

    path: Path
    key: str = "0123456789"
    kind: str = "quantised"


def manifest(folder, **changes):
    said = {"backend": "llmcompressor", "method": "int4-gptq", "asked": {"backend": "angelslim", "method": "int4-gptq"},
            "fallback": "no CUDA", "seconds": 2.5, **changes}
    (folder / "quantization.json").write_text(json.dumps(said))
    return Made(folder)


@pytest.mark.parametrize(("changes", "asked", "wrong"), [
    ({}, "angelslim", 0), ({"fallback": None}, "angelslim", 1), ({"asked": None}, "angelslim", 1), ({}, "llmcompressor", 1),
    ({"asked": {"backend": "llmcompressor"}}, "angelslim", 1), ({"backend": "angelslim"}, "angelslim", 1),
    ({"backend": "angelslim", "fallback": None}, "angelslim", 0)])
def test_a_model_that_another_backend_made_must_say_so(tmp_path, changes, asked, wrong):
    assert untold({"it": manifest(tmp_path, **changes)}, {"it": asked}).value == wrong


def test_the_time_is_that_of_each_model(tmp_path):
    assert quantisation_time({"it": manifest(tmp_path)}).values == [2.5]


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "qwen3"}')
    (folder / "tokenizer.json").write_text('{"model": {}}')
    tensors = {"a.weight": torch.arange(6, dtype=torch.bfloat16).reshape(2, 3), "b.weight_packed": torch.arange(4, dtype=torch.int32)}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return Made(folder)


def test_parquet_keeps_every_bit(model):
    found = round_trip(model)
    assert found.value == 0 and found.details["tensors"] == 2


@pytest.mark.parametrize(("spoil", "why"), [
    (lambda tensors: tensors["a.weight"].view(torch.int16).bitwise_xor_(1), "a.weight"),
    (lambda tensors: tensors.update({"a.weight": tensors["a.weight"].float()}), "a.weight"),
    (lambda tensors: tensors.pop("b.weight_packed"), "b.weight_packed"),
    (lambda tensors: tensors.update({"b.weight_packed": tensors["b.weight_packed"].reshape(2, 2)}), "b.weight_packed")],
    ids=["a bit", "a type", "a tensor that is gone", "a shape"])
def test_what_parquet_changed_is_seen(model, monkeypatch, spoil, why):
    whole = weight_round_trip.to_directory

    def spoiling(parquet, out):
        whole(parquet, out)
        tensors = load_file(out / "model.safetensors")
        spoil(tensors)
        save_file(tensors, out / "model.safetensors", {"format": "pt"})

    monkeypatch.setattr(weight_round_trip, "to_directory", spoiling)
    assert round_trip(model).details["changed"] == [f"quantised: {why}"]


def test_a_changed_configuration_is_seen(model, monkeypatch):
    whole = weight_round_trip.to_directory

    def spoiling(parquet, out):
        whole(parquet, out)
        (out / "config.json").write_text("{}")

    monkeypatch.setattr(weight_round_trip, "to_directory", spoiling)
    assert round_trip(model).details["changed"] == ["quantised: config.json"]
