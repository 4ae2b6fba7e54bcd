"""A device to spoil."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.plan.device import DEVICES


@pytest.fixture
def device_file(tmp_path: Path):
    """device_file(change) -> the path of the M4's YAML after ``change(content)``."""
    def write(change) -> Path:
        content: dict[str, Any] = copy.deepcopy(yaml.safe_load((DEVICES / "m4.yaml").read_text(encoding="utf-8")))
        change(content)
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return write
