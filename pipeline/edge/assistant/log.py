"""What the log keeps of an answer: when, which task, which route, how long; never what was asked, unless the settings say so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pipeline.edge.assistant.assistant import Told
from pipeline.edge.assistant.ratings import append_line
from pipeline.errors import EdgeError

_KEPT = ("task", "route", "reason", "trouble", "ms")
MOST_BYTES = 5_000_000  # then the log begins anew, the old one beside it


def log(file: Path, told: Told, question: str | None = None) -> None:
    """Add one answer; ``question``: only where the student wants it kept.  A disk that refuses keeps nobody from an answer."""
    kept = {name: value for name, value in told.to_json().items() if name in _KEPT}
    row = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **kept, **({"question": question} if question is not None else {})}
    try:
        if file.is_file() and file.stat().st_size > MOST_BYTES:
            file.replace(file.with_suffix(".old.jsonl"))
        append_line(file, row)
    except (OSError, EdgeError):
        pass
