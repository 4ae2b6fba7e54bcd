"""What answers a request: one engine a model, all with the same small interface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pipeline.edge.classifier import Classifier
from pipeline.edge.server.protocol import ChatRequest, Strict
from pipeline.edge.server.refusal import Refusal


@dataclass(frozen=True)
class LoggedToken:
    """A token of the answer, as the bytes it stands for: a character may be several tokens.

    ``top`` are the likeliest in its place, with their natural log-probabilities.
    """

    data: bytes
    logprob: float
    top: Sequence[tuple[bytes, float]] = ()


@dataclass(frozen=True)
class Usage:
    """Tokens."""

    prompt: int
    completion: int


@dataclass(frozen=True)
class Piece:
    """A piece of an answer.  The last one has ``finish`` (OpenAI's finish_reason) and ``usage``, and ``edge`` where there is more to say.

    ``call``: name and JSON arguments of the tool to call.
    """

    text: str = ""
    tokens: Sequence[LoggedToken] = ()
    call: tuple[str, str] | None = None
    finish: str | None = None
    usage: Usage | None = None
    edge: dict[str, Any] | None = None


class Engine(Protocol):
    """A model that answers.  Several threads may ask it at once.  takes: the kind of request that it understands."""

    takes: type[Strict]

    def answer(self, request: Any) -> Iterator[Piece]:
        """The pieces of an answer, computed as they are asked for; Refusal for what this model does not do."""
        ...


class ClassifierEngine:
    """The intent of the last user message as one label token.

    Any system message is ignored, for the prompt is the one it was trained on; and so is what concerns sampling.  The label's
    log-probability is taken over the labels at temperature 1, so whoever has the decision's rule comes to the same confidence.
    """

    takes = ChatRequest

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    def answer(self, request: ChatRequest) -> Iterator[Piece]:
        """One piece."""
        if request.calls_a_tool or (request.response_format and request.response_format.type != "text"):
            raise Refusal(422, "expected a question to classify, found one for a tool or a schema; ask the model functions", param="model")
        query, rule = request.last_user_message, self._classifier.rule
        encoded = self._classifier.encode(query)
        logits = self._classifier.runtime.logits(encoded.ids)
        decision = rule.decide(query, logits, encoded.truncated)
        logprobs = log_softmax(logits.astype(np.float64))
        ranked = [(rule.intents[place].label.encode(), float(logprobs[place])) for place in np.argsort(-logits, kind="stable")]
        token = LoggedToken(*ranked[0], ranked[: request.top_logprobs or 0])
        edge = {"intent": decision.intent, "confidence": decision.confidence, "route": decision.route, "truncated": decision.truncated}
        yield Piece(token.data.decode(), [token], finish="stop", usage=Usage(len(encoded.ids), 1), edge=edge)


def log_softmax(values: np.ndarray) -> np.ndarray:
    """Log-softmax of values [n], finite for any finite values."""
    shifted = values - values.max()
    return shifted - np.log(np.exp(shifted).sum())
