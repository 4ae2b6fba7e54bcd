"""A recipe of profiles/recipes, applied to an embedding and to a reranker as to any other model."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml

from pipeline.compress.chain import EMBEDDING, RERANK, compress
from pipeline.compress.recipe import load_recipe
from pipeline.edge.reranker import Reranker
from pipeline.errors import EdgeError
from pipeline.profile import load_profile
from pipeline.retrieval_specs import build_original, given_reranker
from pipeline.runtime.embedding import Embedder
from pipeline.store import Artifact, Store
from tests.export.tiny_qwen3 import build
from tests.retrieval.small import PREFIX, data

RECIPE = {"name": "small", "says": "fewer layers, INT8", "steps": [{"depth": {"layers": 3}}, {"int8": {}}]}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A profile, a store, the weights, the data and a recipe's path."""
    folder = tmp_path_factory.mktemp("chain")
    build(folder / "weights", 4)
    data(folder / "data")
    (folder / "small.yaml").write_text(yaml.safe_dump(RECIPE))
    content = {"name": "tiny", "says": "x", "tells": ["behaviour"], "base": {"kind": "pretrained", "model": str(folder / "weights")},
               "data": {}, "prompt": {"system": "x"}, "train": {},
               "retrieval": {"max_length": 256, "query_prefix": PREFIX, "labels": ["A", "B"]}}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(content, allow_unicode=True))
    artifacts = [Artifact(name * 8, name, folder / name, {"files": {file.name: {"bytes": 1} for file in (folder / name).iterdir()}})
                 for name in ("weights", "data")]
    return load_profile(str(folder / "tiny.yaml")), Store(folder / "store"), *artifacts, str(folder / "small.yaml")


def test_an_embedding(made):
    profile, store, weights, asked, recipe = made
    result = compress(store.get, profile, load_recipe(recipe), weights, asked, EMBEDDING)
    vectors = Embedder.open(result.model.path, result.decision.path, 1).embed(["天气", "rains"])
    assert vectors.shape == (2, 64) and np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert list(result.steps) == ["1 depth", "export", "2 int8"] and result.decision.kind == "embedding-rule"
    assert compress(store.get, profile, load_recipe(recipe), weights, asked, EMBEDDING).model == result.model


def test_a_reranker(made):
    profile, store, weights, asked, recipe = made
    result = compress(store.get, profile, load_recipe(recipe), weights, asked, RERANK)
    score, ids = Reranker.open(result.model.path, result.decision.path, 1).score("天气", "资料 天气")
    assert 0 < score < 1 and ids > 20
    said = json.loads((result.decision.path / "decision.json").read_text())
    assert [(one["name"], one["label"]) for one in said["intents"]] == [("yes", "A"), ("no", "B")]
    with pytest.raises(EdgeError, match="expected|found"):
        Reranker.open(result.model.path, weights.path, 1)


def test_a_profile_without_one_says_so(made):
    for original, what in ((build_original, "an embedding"), (given_reranker, "a reranker")):
        with pytest.raises(EdgeError, match=f"^profile tiny: expected a base that is {what}, found none; "):
            original(made[1].get, made[0])
