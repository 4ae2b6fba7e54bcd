from __future__ import annotations

import pytest

from pipeline.quantize import QuantizationConfig, quantize
from pipeline.store import Store
from tests.export.tiny_qwen3 import merged

__all__ = ["merged"]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def told():
    """The lines that `quantise` told."""
    return []


@pytest.fixture
def quantise(merged, tmp_path, store, told):
    """Quantise the tiny model, or ``input``, to ``out``, which is told by its name."""
    def run(out="out", resume=False, **settings):
        settings = {"input": merged, "group_size": 32, **settings, "output": tmp_path / out}
        return quantize(QuantizationConfig(**settings), resume=resume, store=store, tell=told.append)

    return run
