"""One endpoint of a client's configuration, opened."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from pipeline.client.answers import Health, Skipped
from pipeline.client.privacy import Message, leaving
from pipeline.client.settings import EndpointSettings
from pipeline.edge.gateway.cloud import Cloud
from pipeline.edge.gateway.completion import CloudError
from pipeline.edge.gateway.part import Part
from pipeline.edge.gateway.question import LOCAL_ONLY
from pipeline.edge.listen import key_of

T = TypeVar("T")


class NoAnswerError(Exception):
    """Why an endpoint was passed over."""

    def __init__(self, skipped: Skipped) -> None:
        super().__init__(skipped.reason)
        self.skipped = skipped


class Endpoint:
    """Safe from several threads.  EdgeError for a URL or a key of no use; NoAnswerError where it does not answer.

    Its key goes to its host alone, over https unless that is this machine; no redirect is followed, no proxy used.
    """

    def __init__(self, name: str, settings: EndpointSettings) -> None:
        self.name, self.settings = name, settings
        self._key = key_of(settings.key) if settings.key else None
        self._server = Cloud(settings.url, settings.model, self._key, settings.patience(), f"endpoints.{name}.url")

    @property
    def resting(self) -> bool:
        """Whether it failed so often that nothing is sent for a while."""
        return self._server.resting

    def chat(self, messages: Sequence[Message], local_only: bool, options: dict[str, Any]) -> Iterator[Part]:
        """The parts of an answer, of which the first is there already; NoAnswerError where it breaks off later, too."""
        self._check(self.settings.model, "chat", local_only)
        sent = list(messages) if self.settings.on_this_machine else leaving(messages)
        if local_only:  # a gateway on this machine is told as well
            options = {**options, "metadata": {**options.get("metadata", {}), LOCAL_ONLY: "true"}}
        parts = self._server.ask(sent, options)
        first = self._asked(lambda: next(parts))
        return self._rest(first, parts)

    def embed(self, texts: Sequence[str], local_only: bool, query: bool = False) -> np.ndarray:
        """float32 [texts, dimensions]; of ``query`` texts, with the prefix that this model reads before them."""
        self._check(self.settings.embedding, "embedding", local_only)
        prefix = self.settings.query_prefix if query else ""
        body = {"model": self.settings.embedding, "input": [prefix + text for text in texts], "encoding_format": "float"}
        return self._asked(lambda: _vectors(self._server.fetch("POST", "embeddings", body), len(texts)))

    def rerank(self, query: str, documents: Sequence[str], local_only: bool) -> tuple[float, ...]:
        """A score of each document."""
        self._check(self.settings.reranker, "reranker", local_only)
        body = {"model": self.settings.reranker, "query": query, "documents": list(documents)}
        return self._asked(lambda: _scores(self._server.fetch("POST", "rerank", body), len(documents)))

    def health(self) -> Health:
        """One look at its list of models."""
        try:
            self._check("models", "", False)
            listed = self._asked(lambda: self._server.fetch("GET", "models", attempts=1)).get("data")
            names = [one.get("id") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
            return Health(self.name, tuple(map(str, names)))
        except NoAnswerError as error:
            return Health(self.name, (), error.skipped.trouble, error.skipped.reason)

    def close(self) -> None:
        self._server.close()

    def _check(self, model: str, what: str, local_only: bool) -> None:
        """Before anything is sent."""
        if not model:
            raise self._skip("unable", f"expected its {what} model in the configuration, found none; add it")
        if local_only and not self.settings.on_this_machine:
            raise self._skip("private", "expected an endpoint on this machine for text that is local only, found another; not asked")
        if self.settings.key and not self._key and not self.settings.on_this_machine:
            raise self._skip("key", f"expected its key in ${self.settings.key}, found none; set it")

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except CloudError as error:
            raise self._skip(error.trouble, str(error).removeprefix("cloud: ")) from None

    def _rest(self, first: Part, parts: Iterator[Part]) -> Iterator[Part]:
        yield first
        while (part := self._asked(lambda: next(parts, None))) is not None:
            yield part

    def _skip(self, trouble: str, reason: str) -> NoAnswerError:
        return NoAnswerError(Skipped(self.name, trouble, reason))


def _vectors(answer: dict[str, Any], texts: int) -> np.ndarray:
    try:
        rows = {row["index"]: row["embedding"] for row in answer["data"]}
        vectors = np.array([rows[at] for at in range(texts)], dtype=np.float32)
    except (KeyError, TypeError, ValueError):
        vectors = np.zeros(0)
    if vectors.ndim != 2 or vectors.size == 0 or not np.isfinite(vectors).all():
        raise CloudError("garbage", f"expected a vector of finite numbers for each of {texts} texts, found others; check its URL and model")
    return vectors


def _scores(answer: dict[str, Any], documents: int) -> tuple[float, ...]:
    try:
        rows = {row["index"]: float(row["relevance_score"]) for row in answer["results"]}
        scores = tuple(rows[at] for at in range(documents))
    except (KeyError, TypeError, ValueError):
        scores = ()
    if not scores or not all(map(math.isfinite, scores)):
        raise CloudError("garbage", f"expected a score for each of {documents} documents, found others; check its URL and model")
    return scores
