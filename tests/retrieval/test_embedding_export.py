"""An exported embedding is transformers' own vector, in either graph, and what techniques make of it still is a vector near it."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pipeline.compress import Source
from pipeline.compress.step import run_step
from pipeline.compress.techniques import fp16, int4, int8, int8_static, mixed
from pipeline.errors import EdgeError
from pipeline.export import embedding as export
from pipeline.export.embedding import state
from pipeline.runtime.embedding import Embedder, read_embedding
from pipeline.runtime.prompt import read_tokenizer
from pipeline.runtime.torch_runtime import load_model
from tests.export.tiny_qwen3 import build
from tests.retrieval.small import LONGEST, PREFIX, exported, source_of

TEXTS = ["今天天气怎么样", "assistant", "rains " * 30, "<|endoftext|>"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return build(tmp_path_factory.mktemp("embedding") / "model", 3)


@pytest.fixture(scope="module", params=["fused", "portable"])
def made(request, model, tmp_path_factory):
    return exported(model, tmp_path_factory.mktemp(request.param), request.param)


def by_hand(model, text):
    """As Qwen3-Embedding is asked: the text, the end token, the last state, length 1."""
    tokenizer = read_tokenizer(model)
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return state(load_model(model), [*ids, tokenizer.token_to_id("<|endoftext|>")])


def test_the_vector_is_transformers_own(model, made):
    embedder = Embedder.open(made / "onnx", made / "rule", 1)
    for text in TEXTS[:2]:
        assert embedder.embed([text])[0] == pytest.approx(by_hand(model, text), abs=1e-5)
        assert embedder.embed([text], query=True)[0] == pytest.approx(by_hand(model, PREFIX + text), abs=1e-5)
    assert np.linalg.norm(embedder.embed(TEXTS), axis=1) == pytest.approx(1, abs=1e-5)


def test_a_text_that_spells_a_control_token_does_not_become_one(model, made):
    embedder = Embedder.open(made / "onnx", made / "rule", 1)
    assert not np.allclose(embedder.embed(["<|endoftext|>"])[0], by_hand(model, "<|endoftext|>"), atol=1e-3)


@pytest.mark.parametrize(("technique", "settings", "near"), [
    ("int8", {}, 0.99), ("int4", {}, 0.9), ("fp16", {}, 0.9999), ("mixed", {}, 0.9), ("int8_static", {}, 0.8)])
def test_every_technique_on_a_graph_takes_an_embedding(model, made, tmp_path, technique, settings, near):
    if technique == "int8_static" and json.loads((made / "onnx" / "runtime.json").read_text()).get("graph") == "fused":
        pytest.skip("it wants the portable graph")
    source = source_of(model, tmp_path / "data")
    source = Source(made / "onnx", origin=model, train=source.train, validation=source.validation, prompt=source.prompt)
    module = {"int8": int8, "int4": int4, "fp16": fp16, "mixed": mixed, "int8_static": int8_static}[technique]
    (tmp_path / "out").mkdir()
    run_step(technique, tmp_path / "out", tmp_path, source, module.Settings(**settings))
    before, after = (Embedder.open(of, made / "rule", 1).embed(TEXTS) for of in (made / "onnx", tmp_path / "out"))
    assert (before * after).sum(1).min() > near and not np.array_equal(before, after)


def test_a_wrong_export_is_not_left_behind_as_right(model, tmp_path, monkeypatch):
    """The planted fault: a norm's weights are not those of the model."""
    right = export.fused_graph

    def wrong(*words):
        graph = right(*words)
        weight = next(one for one in graph.graph.initializer if one.name == "norm.weight")
        values = numpy_helper.to_array(weight).copy()
        values[0] *= 1.5
        weight.CopyFrom(numpy_helper.from_array(values, "norm.weight"))
        return graph

    monkeypatch.setattr(export, "fused_graph", wrong)
    with pytest.raises(EdgeError, match="expected vectors within 0.0001 of the torch model's, found a difference of .* do not use it"):
        exported(model, tmp_path)


def test_weights_and_foreign_rules_are_refused(model, made, tmp_path):
    with pytest.raises(EdgeError, match="expected an exported embedding, found weights; leave `runtime: torch` out of the recipe"):
        Embedder.open(model, made / "rule", 1)
    (tmp_path / "tokenizer.json").write_bytes((made / "rule" / "tokenizer.json").read_bytes())
    (tmp_path / "embedding.json").write_text(json.dumps({"version": 1, "query_prefix": "", "max_length": LONGEST, "dimensions": 7}))
    with pytest.raises(EdgeError, match="found"):
        Embedder.open(made / "onnx", tmp_path, 1)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 2}',
                                     '{"version": 1, "query_prefix": 3, "max_length": 8, "dimensions": 8}',
                                     '{"version": 1, "query_prefix": "", "max_length": true, "dimensions": 8}'])
def test_a_broken_rule_is_one_line(tmp_path, content):
    (tmp_path / "embedding.json").write_text(content)
    with pytest.raises(EdgeError, match="embedding.json: expected"):
        read_embedding(tmp_path)


def test_the_graph_has_one_output_and_no_head(made):
    graph = onnx.load(made / "onnx" / "model.onnx").graph
    assert [one.name for one in graph.output] == ["vector"] and not any("head" in one.name for one in graph.initializer)
