from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pipeline.compress import Source
from pipeline.errors import EdgeError
from pipeline.export.onnx import export_onnx
from pipeline.runtime import load
from pipeline.runtime.generator import open_generator
from tests.export.tiny_qwen3 import EXPORT, compress


def read(file: Path) -> dict:
    return json.loads(file.read_text())


def test_int8_is_smaller_and_close(fp32, int8):
    ids = read(fp32 / "runtime.json")["label_ids"]
    whole, small = load(fp32, ids, 1), load(int8, ids, 1)
    random = np.random.default_rng(0)
    pairs = [(whole.logits(p), small.logits(p)) for p in (random.integers(0, 300, n).tolist() for n in range(3, 60, 3))]
    spread = np.std([a for a, _ in pairs])
    assert 0 < max(np.abs(a - b).max() for a, b in pairs) < spread / 2
    assert (int8 / "model.onnx").stat().st_size < (fp32 / "model.onnx").stat().st_size / 2


def test_what_is_written(fp32, int8):
    assert read(int8 / "runtime.json") == {**read(fp32 / "runtime.json"), "weights": "int8"}
    report = read(int8 / "compression.json")
    assert report["integer_matmuls"] == 2 * 7 + 1 and report["left_in_float"] == []
    assert report["bytes"]["after"] == (int8 / "model.onnx").stat().st_size
    eight_bits = sum(size for kind, size in report["weight_bytes"]["after"].items() if kind in ("int8", "uint8"))
    assert eight_bits == pytest.approx(report["weight_bytes"]["before"]["float32"] / 4, rel=0.1)


def test_the_source_is_only_read(fp32, int8, tmp_path):
    """ONNX Runtime's intermediate file would fall on the obstacle; the weights lie beside the graph, as beyond 2 GB."""
    source, out = tmp_path / "source", tmp_path / "out"
    out.mkdir()
    (source / "model-inferred.onnx").mkdir(parents=True)
    onnx.save(onnx.load(str(fp32 / "model.onnx")), source / "model.onnx", save_as_external_data=True, location="model.onnx.data")
    (source / "runtime.json").write_bytes((fp32 / "runtime.json").read_bytes())
    before = {file.name: file.stat().st_mtime_ns for file in source.iterdir()}
    compress("int8", out, Source(source))
    assert {file.name: file.stat().st_mtime_ns for file in source.iterdir()} == before
    assert {file.name for file in out.iterdir()} == {file.name for file in int8.iterdir()}


def test_a_graph_without_matrix_products_is_refused(tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    out.mkdir()
    table = onnx.numpy_helper.from_array(np.ones((10, 2), np.float32), "table")
    nodes = [helper.make_node("Gather", ["table", "ids"], ["rows"]),
             helper.make_node("ReduceMean", ["rows", "axis"], ["logits"], keepdims=0)]
    axis = onnx.numpy_helper.from_array(np.array([1]), "axis")
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "length"])],
                              [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 2])], [table, axis])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, source / "model.onnx")
    (source / "runtime.json").write_text(json.dumps({"backend": "onnx", "file": "model.onnx", "label_ids": [1, 2],
                                                     "max_length": 8, "opset": 18, "weights": "fp32"}))
    load(source, [1, 2], 1).logits([3, 4])
    with pytest.raises(EdgeError, match="found none that could be quantised"):
        compress("int8", out, Source(source))


@pytest.mark.parametrize("damage", ["no directory", "no model", "truncated"])
def test_a_broken_source_is_one_line(fp32, tmp_path, damage):
    source, out = tmp_path / "source", tmp_path / "out"
    out.mkdir()
    if damage != "no directory":
        source.mkdir()
        (source / "runtime.json").write_bytes((fp32 / "runtime.json").read_bytes())
    if damage == "truncated":
        (source / "model.onnx").write_bytes((fp32 / "model.onnx").read_bytes()[:20000])
    with pytest.raises(EdgeError) as caught:
        compress("int8", out, Source(source))
    assert str(source) in str(caught.value) and "\n" not in str(caught.value)


def test_an_int8_generator_is_smaller_and_writes_almost_the_same(generator_fp32, generator_int8, record_property):
    """A random model's next token is far less certain than a trained one's, so that most agree is much."""
    assert read(generator_int8 / "runtime.json") == {**read(generator_fp32 / "runtime.json"), "weights": "int8"}
    assert (generator_int8 / "tokenizer.json").read_bytes() == (generator_fp32 / "tokenizer.json").read_bytes()
    assert (generator_int8 / "model.onnx").stat().st_size < (generator_fp32 / "model.onnx").stat().st_size / 2
    whole, small = open_generator(generator_fp32, 1), open_generator(generator_int8, 1)
    agreed, random = [], np.random.default_rng(0)
    for _ in range(20):
        ids = random.integers(0, 300, 20).tolist()
        one, other = whole.start(ids), small.start(ids)
        for _ in range(20):
            best = int(one.logits.argmax())
            agreed.append(best == other.logits.argmax())
            one.feed([best])
            other.feed([best])
    record_property("greedy agreement", float(np.mean(agreed)))
    assert np.mean(agreed) > 0.8


def test_a_generator_without_its_tokenizer_is_one_line(generator_fp32, tmp_path):
    source, out = shutil.copytree(generator_fp32, tmp_path / "source"), tmp_path / "out"
    out.mkdir()
    (source / "tokenizer.json").unlink()
    with pytest.raises(EdgeError, match="expected tokenizer.json"):
        compress("int8", out, Source(source))


def test_a_mapped_model_answers_alike_and_every_step_keeps_the_word(merged, tmp_path):
    """It starts sooner because nothing is copied, which a unit test does not time."""
    paths = {name: tmp_path / name for name in ("copied", "mapped")}
    for name, out in paths.items():
        (fp32 := tmp_path / f"{name}-fp32").mkdir()
        export_onnx(fp32, merged=merged, config={**EXPORT, "graph": "fused", "mapped": name == "mapped"})
        compress("int8", out, Source(fp32))
    assert [read(out / "runtime.json").get("mapped") for out in paths.values()] == [None, True]
    ids = read(paths["mapped"] / "runtime.json")["label_ids"]
    prompt = np.random.default_rng(0).integers(0, 300, 20).tolist()
    first, second = (load(out, ids, 1).logits(prompt) for out in paths.values())
    assert first == pytest.approx(second, abs=1e-3)
    copied, mapped = (load(out, ids, 1)._session.get_session_options() for out in paths.values())
    assert mapped.get_session_config_entry("session.disable_prepacking") == "1"
    with pytest.raises(RuntimeError, match="does not have"):
        copied.get_session_config_entry("session.disable_prepacking")
