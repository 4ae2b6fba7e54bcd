from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.qwen3.modeling_qwen3 import Qwen3RMSNorm

from pipeline.export.forward import ClassifierForward, RMSNorm
from pipeline.export.half_range import HalfRangeNorm, in_half_range
from pipeline.runtime.torch_runtime import load_model

WIDTH = 16


def norms() -> tuple[RMSNorm, HalfRangeNorm]:
    norm = Qwen3RMSNorm(WIDTH, eps=1e-6).requires_grad_(False)
    norm.weight.copy_(torch.linspace(0.5, 2, WIDTH))
    return RMSNorm(norm), HalfRangeNorm(RMSNorm(norm))


@given(st.lists(st.floats(-1, 1, width=32), min_size=WIDTH, max_size=WIDTH), st.floats(-6, 4))
def test_it_is_the_same_function_at_every_scale(row, exponent):
    x = torch.tensor([row]) * 10**exponent
    plain, half = norms()
    torch.testing.assert_close(half(x), plain(x), atol=1e-5, rtol=1e-4)


def test_in_float16_it_keeps_a_row_whose_squares_do_not_fit():
    x = torch.linspace(-3000, 4000, WIDTH)[None]
    plain, half = (norm.half() for norm in norms())
    expected = norms()[0](x)
    assert (plain(x.half()) == 0).all()
    np.testing.assert_allclose(half(x.half()).float(), expected, rtol=5e-3, atol=1e-3)


@torch.inference_mode()
def test_every_norm_is_replaced_and_the_logits_stay(merged):
    ids = torch.arange(1, 30)[None]
    expected = ClassifierForward(load_model(merged), range(6), 64)(ids)
    forward = in_half_range(ClassifierForward(load_model(merged), range(6), 64))
    assert not [module for module in forward.modules() if isinstance(module, RMSNorm)]
    torch.testing.assert_close(forward(ids), expected, atol=1e-4, rtol=0)
