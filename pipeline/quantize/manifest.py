"""What a quantised directory says of how it was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.runtime.files import read_object

MANIFEST = "quantization.json"


def manifest_of(directory: Path) -> dict[str, Any]:
    """The manifest of a quantised directory; EdgeError where there is none."""
    return read_object(directory / MANIFEST, "the manifest of a quantisation")
