"""The small JSON files of a model or decision directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.atomic import write_atomically
from pipeline.errors import EdgeError
from pipeline.regular_file import check_regular_file


def read_object(file: Path, holds: str) -> dict[str, Any]:
    """The JSON object in ``file``, which should hold ``holds``; EdgeError when it is missing or garbage."""
    if not file.parent.is_dir():
        raise EdgeError(f"expected a directory with {holds}, found none at {file.parent}; check the path")
    try:
        if file.exists():
            check_regular_file(file, holds)
        value = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise EdgeError(f"expected {file.name} with {holds} in {file.parent}, found none; copy or build it again") from None
    except (OSError, ValueError) as error:
        raise EdgeError(f"{file}: expected {holds} as JSON, found {error}; copy or build it again") from error
    if not isinstance(value, dict):
        raise EdgeError(f"{file}: expected {holds} as a JSON object, found {type(value).__name__}; copy or build it again")
    return value


def write_object(file: Path, value: dict[str, Any]) -> None:
    """Write ``value`` as readable UTF-8 JSON, the whole file or none; EdgeError for a number that is not finite."""
    try:
        text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    except ValueError:
        raise EdgeError(f"{file}: expected finite numbers to write, found NaN or infinity; look at what was computed") from None
    write_atomically(file, text + "\n")
