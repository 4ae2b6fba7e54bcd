from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from pipeline.errors import EdgeError
from pipeline.export import onnx as exporter
from pipeline.runtime import load
from pipeline.runtime.prompt import read_tokenizer, template
from pipeline.runtime.torch_runtime import load_model
from tests.export.tiny_qwen3 import EXPORT, build

ROOT = Path(__file__).parents[2]


def spec(directory: Path) -> dict:
    return json.loads((directory / "runtime.json").read_text())


def test_the_exported_model_answers_like_transformers(merged, fp32):
    ids = spec(fp32)["label_ids"]
    torch_model, onnx_model = load(merged, ids, 1), load(fp32, ids, 1)
    for length in range(1, EXPORT["max_length"] + 1, 7):
        prompt = list(range(1, length + 1))
        np.testing.assert_allclose(onnx_model.logits(prompt), torch_model.logits(prompt), atol=1e-4)


def test_what_is_written(merged, fp32):
    assert sorted(file.name for file in fp32.iterdir()) == ["model.onnx", "runtime.json"]
    found = spec(fp32)
    assert found == {"backend": "onnx", "file": "model.onnx", "label_ids": found["label_ids"], "max_length": 64,
                     "opset": 18, "weights": "fp32"}
    graph = onnx.load(str(fp32 / "model.onnx"))
    assert [entry.version for entry in graph.opset_import if entry.domain in ("", "ai.onnx")] == [18]
    names = {weight.name for weight in graph.graph.initializer}
    assert {"layers.1.mlp.down.weight", "layers.0.attention.q.weight", "embedding.weight", "head.weight"} <= names


def test_an_opset_that_the_exporter_changes_is_refused(merged, tmp_path):
    with pytest.raises(EdgeError, match="expected opset 14, the exporter wrote 18"):
        exporter.export_onnx(tmp_path, merged=merged, config={**EXPORT, "opset": 14})


def test_bfloat16_weights_become_float32_beside_the_graph_when_large(merged, tmp_path, monkeypatch):
    monkeypatch.setattr(exporter, "MAPPED_BEYOND", 1000)
    (tmp_path / "out").mkdir()
    shutil.copytree(merged, tmp_path / "bf16")
    load_model(merged).to(torch.bfloat16).save_pretrained(tmp_path / "bf16")
    exporter.export_onnx(tmp_path / "out", merged=tmp_path / "bf16", config=EXPORT)
    weights = onnx.load(str(tmp_path / "out" / "model.onnx"), load_external_data=False).graph.initializer
    assert {w.data_type for w in weights if w.name.endswith("weight")} == {onnx.TensorProto.FLOAT}
    assert (tmp_path / "out" / "model.onnx.data").stat().st_size > (tmp_path / "out" / "model.onnx").stat().st_size


def test_the_file_holds_no_path_of_this_machine(fp32):
    assert b".py" not in (fp32 / "model.onnx").read_bytes()


def test_four_kilobytes_of_zeroed_weights_are_found(merged, fp32, tmp_path):
    shutil.copytree(fp32, tmp_path / "broken")
    graph = onnx.load(str(fp32 / "model.onnx"))
    weight = next(w for w in graph.graph.initializer if w.name == "layers.0.mlp.up.weight")
    values = onnx.numpy_helper.to_array(weight).copy()
    values.reshape(-1)[:1024] = 0
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    onnx.save(graph, tmp_path / "broken" / "model.onnx")
    with pytest.raises(EdgeError, match="expected logits within 0.001 of the torch model"):
        exporter.check_against_torch(tmp_path / "broken", load_model(merged), spec(fp32)["label_ids"], 64)


def test_nan_is_found(merged, fp32):
    model = load_model(merged)
    model.model.norm.weight.data.fill_(float("nan"))
    with pytest.raises(EdgeError, match="difference of nan"):
        exporter.check_against_torch(fp32, model, spec(fp32)["label_ids"], 64)


@pytest.mark.parametrize("damage", ["missing", "truncated", "no tokenizer", "weight missing"])
def test_a_broken_base_is_one_line(merged, tmp_path, damage):
    base = tmp_path / "base"
    shutil.copytree(merged, base)
    if damage == "missing":
        shutil.rmtree(base)
    elif damage == "truncated":
        (base / "model.safetensors").write_bytes((merged / "model.safetensors").read_bytes()[:5000])
    elif damage == "no tokenizer":
        (base / "tokenizer.json").unlink()
    else:
        forget_a_weight(base / "model.safetensors")
    with pytest.raises(EdgeError) as caught:
        exporter.export_onnx(tmp_path, merged=base, config=EXPORT)
    assert str(base) in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.slow
def test_the_terminal_stays_clean(merged, tmp_path):
    code = ("import json, sys; from pathlib import Path; from pipeline.export.onnx import export_onnx;"
            "export_onnx(Path(sys.argv[1]), merged=Path(sys.argv[2]), config=json.loads(sys.argv[3]))")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path), str(merged), json.dumps(EXPORT)], cwd=ROOT,
                          capture_output=True, text=True, check=True)
    assert done.stdout == "" and done.stderr == ""


def forget_a_weight(file: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(file)
    weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, file, {"format": "pt"})


@pytest.mark.parametrize("tied", [True, False])
def test_a_fused_graph_answers_like_the_portable_one_in_far_fewer_nodes(tmp_path, tied):
    merged = build(tmp_path / "merged", tie_word_embeddings=tied)
    graphs = {}
    for name in ("portable", "fused"):
        (out := tmp_path / name).mkdir()
        exporter.export_onnx(out, merged=merged, config={**EXPORT, "graph": name})
        graphs[name] = onnx.load(str(out / "model.onnx")).graph
    assert len(graphs["fused"].node) < len(graphs["portable"].node) / 2
    names = {name: {weight.name for weight in graph.initializer if len(weight.dims) == 2 and min(weight.dims) > 16}
             for name, graph in graphs.items()}
    assert {name for name in names["fused"] if name.endswith("weight")} <= names["portable"]


@pytest.mark.parametrize("graph", ["portable", "fused"])
def test_a_prefix_that_is_read_in_advance_changes_nothing(merged, fp32, tmp_path, graph):
    start = template("判断意图").prefix
    exporter.export_onnx(tmp_path, merged=merged, config={**EXPORT, "graph": graph, "prefix": start})
    spec = json.loads((tmp_path / "runtime.json").read_text())
    assert spec["prefix"] == read_tokenizer(merged).encode(start, add_special_tokens=False).ids
    whole, ahead = load(fp32, spec["label_ids"], 1), load(tmp_path, spec["label_ids"], 1)
    random = np.random.default_rng(0)
    for length in (1, 7, 64 - len(spec["prefix"])):
        prompt = [*spec["prefix"], *random.integers(0, 300, length).tolist()]
        assert ahead.logits(prompt) == pytest.approx(whole.logits(prompt), abs=1e-4)
    for other in (spec["prefix"], [5, *spec["prefix"]]):
        with pytest.raises(EdgeError, match="goes on from the model's"):
            ahead.logits(other)
    with pytest.raises(EdgeError, match="expected 1 to 64 token ids"):
        ahead.logits([*spec["prefix"]] * 30)
