from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from pipeline.errors import EdgeError
from pipeline.export import generator as exporter
from pipeline.export.generator import GeneratorForward
from pipeline.runtime.torch_runtime import load_model
from tests.export import tiny_qwen3
from tests.export.tiny_qwen3 import EXPORT

LONGEST = EXPORT["max_length"]


def test_what_is_written(merged, generator_fp32):
    assert sorted(file.name for file in generator_fp32.iterdir()) == ["model.onnx", "runtime.json", "tokenizer.json"]
    vocabulary = load_model(merged).config.vocab_size
    assert json.loads((generator_fp32 / "runtime.json").read_text()) == {
        "backend": "onnx", "task": "generator", "file": "model.onnx", "layers": 2, "kv_heads": 2, "head_dim": 16,
        "vocabulary": vocabulary, "max_length": LONGEST, "opset": 18, "weights": "fp32"}
    assert (generator_fp32 / "tokenizer.json").read_bytes() == (merged / "tokenizer.json").read_bytes()
    assert b".py" not in (generator_fp32 / "model.onnx").read_bytes()


def test_the_exported_model_answers_like_transformers(merged, generator_fp32):
    assert 0 < exporter.check_against_torch(generator_fp32, load_model(merged)) < 1e-4


@torch.inference_mode()
@pytest.mark.parametrize("changes", [{"num_key_value_heads": 4}, {"num_key_value_heads": 1}, {"tie_word_embeddings": False},
                                     {"attention_bias": True}, {"head_dim": 32}])
def test_other_qwen3_shapes_in_any_two_pieces(tmp_path, changes):
    model = load_model(tiny_qwen3.build(tmp_path / "base", **changes))
    wrapper = GeneratorForward(model, LONGEST)
    ids = torch.randint(0, model.config.vocab_size, (1, LONGEST), generator=torch.Generator().manual_seed(0))
    expected = model(input_ids=ids).logits[:, -1]
    for cut in (1, 20, LONGEST - 1):
        past = wrapper(ids[:, :cut], torch.zeros(0, *wrapper.row))[1]
        torch.testing.assert_close(wrapper(ids[:, cut:], past)[0], expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("weight", ["layers.0.mlp.up.weight", "layers.1.attention.k.weight", "head.weight"])
def test_zeroed_weights_are_found(merged, generator_fp32, tmp_path, weight):
    def zero(tensor: onnx.TensorProto) -> None:
        values = onnx.numpy_helper.to_array(tensor).copy()
        values.reshape(-1)[:1024] = 0
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))

    graph = onnx.load(str(generator_fp32 / "model.onnx"))
    zero(next(w for w in graph.graph.initializer if w.name == weight))
    with pytest.raises(EdgeError, match="expected logits within 0.001 of the torch model"):
        exporter.check_against_torch(with_graph(generator_fp32, graph, tmp_path), load_model(merged))


def test_a_cache_that_is_given_back_wrongly_is_found(merged, generator_fp32, tmp_path):
    """Right in one step from nothing; wrong as soon as a second step reads what the first one gave."""
    graph = onnx.load(str(generator_fp32 / "model.onnx"))
    node = next(node for node in graph.graph.node if "new" in node.output)
    node.output[0] = "unscaled"
    graph.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(0.99), "scale"))
    graph.graph.node.append(onnx.helper.make_node("Mul", ["unscaled", "scale"], ["new"]))
    with pytest.raises(EdgeError, match="expected logits within 0.001 of the torch model"):
        exporter.check_against_torch(with_graph(generator_fp32, graph, tmp_path), load_model(merged))


def test_nan_is_found(merged, generator_fp32):
    model = load_model(merged)
    model.model.norm.weight.data.fill_(float("nan"))
    with pytest.raises(EdgeError, match="difference of nan"):
        exporter.check_against_torch(generator_fp32, model)


@pytest.mark.parametrize("damage", ["missing", "truncated", "no tokenizer"])
def test_a_base_that_is_broken_is_one_line(merged, tmp_path, damage):
    base, out = tmp_path / "base", tmp_path / "out"
    out.mkdir()
    shutil.copytree(merged, base)
    if damage == "missing":
        shutil.rmtree(base)
    elif damage == "truncated":
        (base / "model.safetensors").write_bytes((merged / "model.safetensors").read_bytes()[:5000])
    else:
        (base / "tokenizer.json").unlink()
    with pytest.raises(EdgeError) as caught:
        exporter.export_generator(out, merged=base, config=EXPORT)
    assert str(base) in str(caught.value) and "\n" not in str(caught.value)
    assert not list(out.iterdir())


def test_an_architecture_that_is_not_qwen3_is_refused():
    with pytest.raises(EdgeError, match="expected a qwen3 model"):
        GeneratorForward(GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=8, n_head=1, vocab_size=50)), 8)


def with_graph(source: Path, graph: onnx.ModelProto, folder: Path) -> Path:
    changed = shutil.copytree(source, folder / "changed")
    onnx.save(graph, changed / "model.onnx")
    return changed
