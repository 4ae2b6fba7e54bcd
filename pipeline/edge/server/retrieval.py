"""Embeddings as OpenAI's API has them, and reranking as Jina's, Cohere's and vLLM's have it."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator

from pipeline.edge.reranker import Reranker
from pipeline.edge.server.engines import Piece, Usage
from pipeline.edge.server.protocol import Strict
from pipeline.runtime.embedding import Embedder

MOST_TEXTS = 256
Text = Annotated[str, Field(min_length=1)]


class EmbeddingRequest(Strict):
    """dimensions: of a vector, the first ones, brought to length 1 again; for models trained so that these say most."""

    model: str
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=MOST_TEXTS)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(None, ge=1)
    user: str | None = None

    @field_validator("input")
    @classmethod
    def _says_something(cls, value: str | list[str]) -> str | list[str]:
        return _not_blank(value)

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input


class RerankRequest(Strict):
    """top_n: how many results, the best ones; all without it."""

    model: str
    query: Text
    documents: list[Text] = Field(min_length=1, max_length=MOST_TEXTS)
    top_n: int | None = Field(None, ge=1)
    return_documents: bool | None = None

    @field_validator("query", "documents")
    @classmethod
    def _says_something(cls, value: str | list[str]) -> str | list[str]:
        return _not_blank(value)


class EmbeddingEngine:
    """A vector a text; a query's prefix is the client's to write, as it is for any server of such a model."""

    takes = EmbeddingRequest

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def answer(self, request: EmbeddingRequest) -> Iterator[Piece]:
        """A piece a text, so that nobody waits for many in vain; the vectors are in the last one."""
        vectors, read = [], 0
        for text in request.texts:
            vector, ids = self._embedder.vector(text)
            vectors.append(_cut(vector, request.dimensions))
            read += ids
            yield Piece()
        yield Piece(finish="stop", usage=Usage(read, 0), edge={"vectors": vectors})


class RerankEngine:
    """How likely each document answers the query."""

    takes = RerankRequest

    def __init__(self, reranker: Reranker) -> None:
        self._reranker = reranker

    def answer(self, request: RerankRequest) -> Iterator[Piece]:
        """A piece a document; the scores are in the last one."""
        scores, read = [], 0
        for document in request.documents:
            score, ids = self._reranker.score(request.query, document)
            scores.append(score)
            read += ids
            yield Piece()
        yield Piece(finish="stop", usage=Usage(read, 0), edge={"scores": scores})


def embeddings(asked: EmbeddingRequest, whole: Sequence[Piece]) -> dict[str, Any]:
    """OpenAI's list of embeddings."""
    last = whole[-1]
    assert last.edge and last.usage
    said = [_base64(one) if asked.encoding_format == "base64" else one.tolist() for one in last.edge["vectors"]]
    data = [{"object": "embedding", "index": at, "embedding": one} for at, one in enumerate(said)]
    return {"object": "list", "data": data, "model": asked.model, "usage": _usage(last.usage)}


def ranking(asked: RerankRequest, whole: Sequence[Piece]) -> dict[str, Any]:
    """The documents by score, best first; of equals those that were given first."""
    last = whole[-1]
    assert last.edge and last.usage
    scores = last.edge["scores"]
    best = sorted(range(len(scores)), key=lambda at: -scores[at])[:asked.top_n]
    results: list[dict[str, Any]] = [{"index": at, "relevance_score": scores[at]} for at in best]
    for result in results if asked.return_documents else ():
        result["document"] = {"text": asked.documents[result["index"]]}
    return {"id": f"rerank-{uuid.uuid4().hex}", "model": asked.model, "results": results, "usage": _usage(last.usage)}


def _cut(vector: np.ndarray, dimensions: int | None) -> np.ndarray:
    short = vector[:dimensions]
    return (short / max(float(np.linalg.norm(short)), 1e-12)).astype(np.float32)


def _base64(vector: np.ndarray) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def _usage(usage: Usage) -> dict[str, int]:
    return {"prompt_tokens": usage.prompt, "total_tokens": usage.prompt}


def _not_blank(value: str | list[str]) -> str | list[str]:
    if not all(text.strip() for text in ([value] if isinstance(value, str) else value)):
        raise ValueError("expected texts with some characters, found a blank one")
    return value
