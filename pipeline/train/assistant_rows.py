"""The assistant's samples as conversations: what is asked, and the label of its task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.train.inputs import Row, labelled_rows


def read_rows(file: Path, base: Path, prompt: Mapping[str, Any]) -> list[Row]:
    """As `pipeline.train.inputs.read_rows`, of the assistant's samples."""
    from pipeline.data.assistant.sample import read_samples

    return labelled_rows(file, base, prompt, [(sample.query, sample.label) for sample in read_samples(file)])
