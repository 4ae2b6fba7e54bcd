"""A YAML file of the student's, read once: what was found good is kept as JSON, which is read many times as fast."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from pipeline.atomic import write_atomically
from pipeline.digest import file_digest
from pipeline.errors import EdgeError
from pipeline.yaml_file import read_model

Model = TypeVar("Model", bound=BaseModel)


def read_kept(path: Path, model: type[Model], kept: Path | None = None) -> Model:
    """As `read_model`; from ``kept`` where that was made of a file of the same bytes, else it is made, if it can be.

    What was kept is checked as the file would be.  Without ``kept`` nothing is.
    """
    if kept is None or not path.is_file():
        return read_model(path, model)
    of = file_digest(path)
    with suppress(OSError, ValueError, LookupError, TypeError, RecursionError):  # whoever wrote something else there
        content = json.loads(kept.read_bytes() if kept.is_file() else b"")
        if content["of"] == of:
            return model.model_validate(content["content"])
    found = read_model(path, model)
    if file_digest(path) == of:  # it may have been edited meanwhile
        with suppress(EdgeError):
            write_atomically(kept, json.dumps({"of": of, "content": found.model_dump(mode="json")}, ensure_ascii=False))
    return found
