"""What a terminal may be sent: file names and files may hold characters that move its cursor or turn the writing's direction."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from pipeline import progress


def shown(text: str, kept: str = "\n\t") -> str:
    """No control characters but those ``kept``, and none that turn the writing's direction."""
    return "".join(character for character in text if character in kept or not _acts(character))


def shown_json(content: Any) -> str:
    """JSON of one line, with an escape in place of each such character."""
    return "".join(json.dumps(character)[1:-1] if _acts(character) else character for character in json.dumps(content, ensure_ascii=False))


def note(text: str) -> None:
    """`pipeline.progress.note` of what is shown of a text, as one line."""
    progress.note(shown(text, kept=""))


def _acts(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs")
