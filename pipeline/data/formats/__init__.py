"""The forms in which trainers read conversations; one file a format."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.data.formats import alpaca, chat, functions, messages
from pipeline.data.formats.example import Format
from pipeline.data.formats.records import records_format

TRAINED = ("messages", "alpaca", "chat")  # what trainers read


def formats(system: str, columns: Mapping[str, str] | None = None) -> dict[str, Format]:
    """The formats by name.  ``system``: the message that intent records are asked under; ``columns``: names in the user's own file."""
    return {"records": records_format(system, columns), "functions": functions.FORMAT,
            "messages": messages.FORMAT, "alpaca": alpaca.FORMAT, "chat": chat.FORMAT}
