"""The tiny Qwen3 as Core ML packages of two static lengths."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.export import coreml

LONGEST = 80  # functions of 64 and 80


def export(out: Path, merged: Path, variant: str, longest: int = LONGEST, source: Path | None = None) -> Path:
    """The Core ML directory of a variant, made once a session."""
    if not out.exists():
        (scratch := out.with_name(f"{out.name}.scratch")).mkdir()
        out.mkdir()
        coreml.export(out, scratch, merged=merged, config={**coreml.VARIANTS[variant], "max_length": longest}, source=source)
    return out


@pytest.fixture(scope="session")
def coreml_fp16(merged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.getbasetemp() / "tiny-coreml-fp16", merged, "fp16")


@pytest.fixture(scope="session")
def coreml_int8(merged: Path, coreml_fp16: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.getbasetemp() / "tiny-coreml-int8", merged, "int8", source=coreml_fp16)


@pytest.fixture(scope="session")
def coreml_palette4(merged: Path, coreml_fp16: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.getbasetemp() / "tiny-coreml-palette4", merged, "palette4", source=coreml_fp16)
