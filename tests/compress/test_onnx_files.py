from __future__ import annotations

import json

import onnx
import pytest

from pipeline.compress import onnx_files
from tests.compress.graphs import calibrated, logits, random_prompts, read
from tests.export.tiny_qwen3 import compress


@pytest.mark.parametrize("name", ["int4", "fp16", "int8_static", "mixed"])
def test_weights_beyond_one_protobuf_are_read_and_written_beside_the_graph(fp32, merged, tmp_path, monkeypatch, name):
    (source := tmp_path / "source").mkdir()
    onnx.save(onnx.load(str(fp32 / "model.onnx")), source / "model.onnx", save_as_external_data=True, location="model.onnx.data")
    (source / "runtime.json").write_bytes((fp32 / "runtime.json").read_bytes())
    kept = {file.name: file.read_bytes() for file in source.iterdir()}
    compress(name, tmp_path / "one", calibrated(fp32, merged, tmp_path / "data"))
    monkeypatch.setattr(onnx_files, "MAPPED_BEYOND", 10_000)
    compress(name, tmp_path / "two", calibrated(source, merged, tmp_path / "data"))
    assert {file.name: file.read_bytes() for file in source.iterdir()} == kept
    assert {file.name for file in (tmp_path / "two").iterdir()} == {"model.onnx", "model.onnx.data", "runtime.json", "compression.json"}
    assert (logits(tmp_path / "one", random_prompts()) == logits(tmp_path / "two", random_prompts())).all()
    one, two = (read(tmp_path / run / "compression.json") for run in ("one", "two"))
    assert one["error"] == two["error"] and json.dumps(two, allow_nan=False)
