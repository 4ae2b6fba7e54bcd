"""An answer comes in parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """``text`` to add to the answer; the last part says why it ends (OpenAI's finish_reason) and may count tokens."""

    text: str = ""
    finish: str | None = None
    usage: dict[str, Any] | None = None
