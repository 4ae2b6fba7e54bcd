"""mlx-lm's form, {"messages": [...]} with further fields: read as ms-swift's is, but other fields have a meaning in it."""

from __future__ import annotations

from typing import Any

from pipeline.data.formats import messages
from pipeline.data.formats.example import Example, Format, check_extras

# mlx_lm.tuner.datasets (0.32) trains prompt and completion where a file's first row has both, and puts tools into the prompt.
TAKEN = frozenset({"messages", "prompt", "completion", "tools"})


def _row(example: Example, where: str) -> dict[str, Any]:
    check_extras(example, TAKEN, "mlx-lm", where)
    return messages.conversation(example) | example.extras


FORMAT = Format(messages.FORMAT.fields, messages.read, _row)
