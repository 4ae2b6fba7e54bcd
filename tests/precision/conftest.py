from __future__ import annotations

import copy

import pytest
import torch

from pipeline.runtime.torch_runtime import load_model
from tests.export.tiny_qwen3 import decision, merged

__all__ = ["decision", "merged"]


@pytest.fixture(scope="session")
def model(merged):
    """A tiny Qwen3 of two layers; not to be changed."""
    return load_model(merged)


@pytest.fixture(scope="session")
def rounded(model):
    """The same with matrices rounded to a coarse grid."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        for layer in other.model.layers:
            for matrix in layer.modules():
                if isinstance(matrix, torch.nn.Linear):
                    matrix.weight.copy_((matrix.weight * 16).round() / 16)
    return other
