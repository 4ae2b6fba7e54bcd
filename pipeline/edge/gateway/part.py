"""An answer comes in parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Part:
    """``text`` to add to the answer; the last part says why it ends (OpenAI's finish_reason) and may count tokens."""

    text: str = ""
    finish: str | None = None
    usage: dict[str, Any] | None = None


class Clouds(Protocol):
    """Who answers in parts; CloudError where nobody does (`pipeline.edge.gateway.cloud`)."""

    def ask(self, messages: list[dict[str, str]], options: dict[str, Any]) -> Iterator[Part]: ...
