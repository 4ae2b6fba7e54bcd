"""The tiny Qwen3 as MLX directories, converted by mlx-lm itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.export.mlx import VARIANTS, export
from pipeline.runtime.prompt import template

PREFIX = template("判断意图").prefix


def convert(folder: Path, name: str, merged: Path, variant: str, **changes: object) -> Path:
    """The directory ``folder/name`` in a variant of `pipeline.export.mlx`, made once."""
    out = folder / name
    if not out.exists():
        out.mkdir()
        config = {**VARIANTS[variant], "max_length": 64, "prefix": PREFIX, **changes}
        export(out, folder / f"{name}.scratch", merged=merged, config=config)
    return out


@pytest.fixture(scope="session")
def mlx_fp32(merged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(tmp_path_factory.getbasetemp(), "tiny-mlx-fp32", merged, "fp32")


@pytest.fixture(scope="session")
def mlx_4bit(merged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(tmp_path_factory.getbasetemp(), "tiny-mlx-4bit", merged, "4bit")
