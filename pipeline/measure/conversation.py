"""A client of the gateway: whole conversations through the official library."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.edge.gateway.question import LOCAL_ONLY, MODEL


@dataclass(frozen=True)
class Answered:
    """What one question got; ``ms``: what its client waited for the whole answer.  ``told``: the gateway's `edge` object."""

    text: str
    finish: str
    ms: float
    told: dict[str, Any]

    @property
    def route(self) -> str:
        return str(self.told["route"])


@dataclass
class Conversation:
    """Questions one after the other; ``client`` is an ``openai.OpenAI``.  A question marked local-only stays so in what follows."""

    client: Any
    messages: list[dict[str, str]] = field(default_factory=list)

    def ask(self, question: str, metadata: Mapping[str, str] = {}) -> Answered:
        """The whole answer; the library's own errors where there is none."""
        mark = {"name": LOCAL_ONLY} if metadata.get(LOCAL_ONLY) == "true" else {}
        self.messages.append({"role": "user", "content": question, **mark})
        start = time.perf_counter()
        answer = self.client.chat.completions.create(model=MODEL, messages=self.messages, metadata=dict(metadata))
        ms = 1000 * (time.perf_counter() - start)
        choice = answer.choices[0]
        text = choice.message.content or ""
        self.messages.append({"role": "assistant", "content": text})
        return Answered(text, choice.finish_reason, ms, answer.edge)


def connect(base_url: str, api_key: str) -> Any:
    """The official client, which hides no failure by trying again."""
    from openai import OpenAI
    return OpenAI(base_url=base_url, api_key=api_key, max_retries=0)


def summary(answered: Sequence[Answered]) -> dict[str, Any]:
    """Counts by route and by trouble, for a measurement's details."""
    troubles = [one.told["trouble"] for one in answered if one.told["trouble"]]
    return {"local": sum(one.route == "local" for one in answered), "cloud": sum(one.route == "cloud" for one in answered),
            "rewritten": sum("rewrite" in one.told["ms"] for one in answered), "troubles": troubles}
