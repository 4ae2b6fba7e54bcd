"""Model directories for tests."""

from __future__ import annotations

from pathlib import Path

import numpy
from safetensors.numpy import save_file


def tiny_model(folder: Path) -> Path:
    """The files of a Qwen3 with one small weight: enough to be found, copied and hashed, not to be run."""
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "qwen3"}')
    (folder / "tokenizer.json").write_text('{"model": {}}')
    save_file({"w": numpy.ones((4, 4), numpy.float32)}, folder / "model.safetensors")
    return folder
