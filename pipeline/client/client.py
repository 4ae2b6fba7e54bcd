"""The client: chat, embeddings and reranking by whichever endpoint the configuration says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pipeline.client.answers import Answer, Embedded, Health, Origin, Reranked, Skipped
from pipeline.client.endpoint import Endpoint, NoAnswerError
from pipeline.client.privacy import Message, is_private
from pipeline.client.settings import AUTO, default_path
from pipeline.client.watched import Watched
from pipeline.edge.gateway.part import Part
from pipeline.errors import EdgeError

T = TypeVar("T")


class Stream:
    """An answer as it comes: iterate over its texts.  ``origin`` says who answers; ``answer`` is whole when all was read."""

    def __init__(self, origin: Origin, parts: Iterator[Part]) -> None:
        self.origin, self._parts = origin, parts
        self.answer: Answer | None = None

    def __iter__(self) -> Iterator[str]:
        said: list[str] = []
        try:
            for part in self._parts:
                said.append(part.text)
                if part.text:
                    yield part.text
                if part.finish:
                    self.answer = Answer(**vars(self.origin), text="".join(said), finish=part.finish, usage=part.usage)
        except NoAnswerError as error:  # what was said cannot be taken back, so nobody else is asked
            raise EdgeError(f"{self.origin.endpoint}: {error}") from None


class Client:
    """Safe from several threads; ``close`` it, or use it as a context.

    path: the configuration (docs/client.md), else the one that $EDGE_CLIENT names; it is read again when it changes.  Every method
    raises EdgeError, with each endpoint's reason, where none answers.  local_only: whatever the configuration says, nothing is
    sent to another machine.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self._watched = Watched(Path(path) if path else default_path())

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all connections."""
        self._watched.close()

    @property
    def mistake(self) -> str:
        """What is wrong with the file as it stands, where that is why an earlier one is still in use; else ""."""
        return self._watched.mistake

    def chat(self, messages: Sequence[Message], *, local_only: bool = False, **options: Any) -> Answer:
        """The whole answer.  options: other fields of OpenAI's request.  A last message of the name ``local_only`` is local only too."""
        def whole(endpoint: Endpoint, local: bool) -> tuple[str, list[Part]]:
            parts = list(endpoint.chat(messages, local, options))
            return endpoint.settings.model, parts

        origin, parts = self._first(whole, local_only or is_private(messages, options))
        return Answer(**vars(origin), text="".join(part.text for part in parts), finish=parts[-1].finish or "stop", usage=parts[-1].usage)

    def stream(self, messages: Sequence[Message], *, local_only: bool = False, **options: Any) -> Stream:
        """The answer as it comes.  Another endpoint is asked only as long as nothing was said."""
        asked = {**options, "stream": True}
        return Stream(*self._first(lambda endpoint, local: (endpoint.settings.model, endpoint.chat(messages, local, asked)),
                                   local_only or is_private(messages, options)))

    def embed(self, texts: Sequence[str], *, query: bool = False, local_only: bool = False) -> Embedded:
        """A vector a text.  query: they are asked, not found.  Only an endpoint of the same space takes the place of the first."""
        _check_texts(texts)

        def vectors(endpoint: Endpoint, local: bool, wanted: str) -> tuple[str, tuple[str, Any]]:
            space = endpoint.settings.its_space
            if space and space != wanted:
                raise NoAnswerError(Skipped(endpoint.name, "unable", f"expected vectors of the space {wanted}, found those of {space}"))
            return endpoint.settings.embedding, (space, endpoint.embed(texts, local, query))

        settings, _ = self._watched.now()
        wanted = next((space for name in settings.order if (space := settings.endpoints[name].its_space)), "")
        origin, (space, found) = self._first(lambda endpoint, local: vectors(endpoint, local, wanted), local_only)
        return Embedded(**vars(origin), space=space, vectors=found)

    def rerank(self, query: str, documents: Sequence[str], *, local_only: bool = False) -> Reranked:
        """How well each document answers the query."""
        _check_texts([query, *documents])
        origin, scores = self._first(
            lambda endpoint, local: (endpoint.settings.reranker, endpoint.rerank(query, documents, local)), local_only)
        return Reranked(**vars(origin), scores=scores)

    def health(self) -> dict[str, Health]:
        """How every endpoint is, by name."""
        return {name: endpoint.health() for name, endpoint in self._watched.now()[1].items()}

    def _first(self, ask: Callable[[Endpoint, bool], tuple[str, T]], local_only: bool) -> tuple[Origin, T]:
        """What the first endpoint that answers does, and who that is."""
        settings, endpoints = self._watched.now()
        order = [endpoints[name] for name in settings.order]
        if settings.use == AUTO:
            order.sort(key=lambda endpoint: endpoint.resting)
        skipped: list[Skipped] = []
        for endpoint in order:
            try:
                model, found = ask(endpoint, local_only or settings.local_only)
                return Origin(endpoint.name, model, tuple(skipped)), found
            except NoAnswerError as error:
                skipped.append(error.skipped)
        raise EdgeError("no endpoint answered: " + "; ".join(f"{one.endpoint}: {one.reason}" for one in skipped))


def _check_texts(texts: Sequence[str]) -> None:
    if isinstance(texts, str) or not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise EdgeError("expected a list of texts, none of them empty, found another; give at least one text")
