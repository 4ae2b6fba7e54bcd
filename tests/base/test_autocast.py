"""Training takes bfloat16 where the processor multiplies it, and float32 where it would be emulated."""

from __future__ import annotations

import pytest
import torch

from pipeline.base.autocast import autocast


@pytest.mark.parametrize(("capabilities", "dtype"), [
    ({"avx512_bf16": True, "amx_bf16": False}, torch.bfloat16), ({"avx512_bf16": False, "avx512_f": True}, torch.float32),
    ({"bf16": True}, torch.bfloat16), ({"bf16_units": 0, "l1d_cache_size": 32768}, torch.float32), ({}, torch.float32)])
def test_as_the_processor_can(monkeypatch, capabilities, dtype):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    with autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
    assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
