"""Embeddings and reranking behind the real `edge serve`, asked by the official client and by the project's own."""

from __future__ import annotations

import httpx
import numpy as np
import pytest
from openai import OpenAI

from pipeline.client import Client
from pipeline.edge.reranker import Reranker
from pipeline.errors import EdgeError
from pipeline.runtime.embedding import Embedder
from tests.client.client_files import NOBODY, write
from tests.export.tiny_qwen3 import build
from tests.retrieval.small import PREFIX, exported, reranker
from tests.serve.conftest import running

TEXTS = ["今天天气怎么样", "assistant", "rains"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    model = build(folder / "model")
    return exported(model, folder / "embedding"), reranker(model, folder / "reranker")


@pytest.fixture(scope="module")
def served(made):
    embedding, ranking = made
    with running("serve", "--port", 0, "--embedding", embedding / "onnx", "--embedding-rule", embedding / "rule",
                 "--reranker", ranking / "onnx", "--reranker-decision", ranking / "decision") as server:
        yield server


def post(served, path, **body):
    return httpx.post(f"{served.url}/{path}", json=body, trust_env=False)


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_the_official_client_gets_the_same_vectors(served, made, encoding):
    own = Embedder.open(made[0] / "onnx", made[0] / "rule", 1).embed(TEXTS)
    with OpenAI(base_url=served.url, api_key="none", http_client=httpx.Client(trust_env=False)) as client:
        named = {"encoding_format": "float"} if encoding == "float" else {}  # without it the client asks for base64
        answer = client.embeddings.create(model="embedding", input=TEXTS, **named)
    assert np.array([one.embedding for one in answer.data], np.float32) == pytest.approx(own, abs=1e-6)
    assert [one.index for one in answer.data] == [0, 1, 2] and answer.usage.prompt_tokens > 3


def test_fewer_dimensions_are_the_first_ones_at_length_1(served):
    whole, short = (np.array(post(served, "embeddings", model="embedding", input="rains", **more).json()["data"][0]["embedding"])
                    for more in ({}, {"dimensions": 8}))
    assert short == pytest.approx(whole[:8] / np.linalg.norm(whole[:8]), abs=1e-6)


def test_documents_come_back_by_score(served, made):
    own = Reranker.open(made[1] / "onnx", made[1] / "decision", 1)
    scores = [own.score("天气", text)[0] for text in TEXTS]
    answer = post(served, "rerank", model="rerank", query="天气", documents=TEXTS, top_n=2, return_documents=True).json()
    best = sorted(range(3), key=lambda at: -scores[at])[:2]
    assert len(set(scores)) == 3 and [one["index"] for one in answer["results"]] == best
    assert [one["relevance_score"] for one in answer["results"]] == pytest.approx([scores[at] for at in best], abs=1e-6)
    assert answer["results"][0]["document"] == {"text": TEXTS[best[0]]}


@pytest.mark.parametrize(("path", "body", "message"), [
    ("embeddings", {"model": "rerank", "input": "x"}, "model: expected one of embedding on this path, found rerank; ask that on a path "
                                                      "of its own"),
    ("chat/completions", {"model": "embedding", "messages": [{"role": "user", "content": "x"}]},
     "model: expected one, but none is served on this path, found embedding; ask that on a path of its own"),
    ("embeddings", {"model": "other", "input": "x"}, "expected a model of embedding, rerank, found another; name one of these"),
    ("embeddings", {"model": "embedding", "input": " "}, "input: expected texts with some characters, found a blank one; correct it"),
    ("embeddings", {"model": "embedding", "input": []}, "input"), ("embeddings", {"model": "embedding", "input": ["x"] * 257}, "input"),
    ("embeddings", {"model": "embedding", "input": [1, 2]}, "input"), ("embeddings", {"model": "embedding"}, "input"),
    ("embeddings", {"model": "embedding", "input": "x", "dimensions": 0}, "dimensions"),
    ("rerank", {"model": "rerank", "query": "x", "documents": "y"}, "documents"),
    ("rerank", {"model": "rerank", "query": "", "documents": ["y"]}, "query"),
    ("rerank", {"model": "rerank", "query": "x", "documents": ["y"], "top_n": 0}, "top_n")])
def test_a_mistake_is_told_in_a_line(served, path, body, message):
    answer = post(served, path, **body)
    assert answer.status_code in (400, 404) and answer.json()["error"]["message"].startswith(message)


def test_the_client_embeds_a_query_with_its_prefix_and_reranks(served, made, tmp_path):
    local = {"url": served.url, "model": "", "embedding": "embedding", "reranker": "rerank", "query_prefix": PREFIX}
    with Client(write(tmp_path / "client.yaml", local=local)) as client:
        found = client.embed(TEXTS[:1], query=True, local_only=True)
        own = Embedder.open(made[0] / "onnx", made[0] / "rule", 1).embed(TEXTS[:1], query=True)
        assert found.vectors == pytest.approx(own, abs=1e-6) and (found.endpoint, found.space) == ("local", "embedding")
        ranked = client.rerank("天气", TEXTS)
        assert len(ranked.scores) == 3 and ranked.scores[ranked.order[0]] == max(ranked.scores)
        with pytest.raises(EdgeError, match="local: expected its chat model in the configuration, found none; add it"):
            client.chat([{"role": "user", "content": "x"}])
        assert set(client.health()["local"].models) == {"embedding", "rerank"}


def test_vectors_of_another_space_never_take_the_place(served, tmp_path):
    here = {"url": served.url, "embedding": "embedding"}
    down = {"url": NOBODY, "embedding": "text-embedding-3"}
    with Client(write(tmp_path / "client.yaml", "cloud", cloud=down, local=here, fall_back=["local"])) as client:
        with pytest.raises(EdgeError, match="local: expected vectors of the space text-embedding-3, found those of embedding"):
            client.embed(TEXTS)
    down |= {"space": "ours", "embedding": "big"}
    with Client(write(tmp_path / "client.yaml", "cloud", cloud=down, local={**here, "space": "ours"}, fall_back=["local"])) as client:
        found = client.embed(TEXTS)
        assert (found.endpoint, found.space, found.skipped[0].trouble) == ("local", "ours", "unreachable")
