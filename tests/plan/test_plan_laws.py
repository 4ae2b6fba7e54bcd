"""Laws of the prediction, whatever the numbers: more of a resource never makes it slower, more work never faster."""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.base.shape import shape_config
from pipeline.compress.plan import Plan, from_config
from pipeline.plan import roofline
from pipeline.plan.candidate import FORMATS, Candidate, engine_of
from pipeline.plan.device import Device, Figure, load_device
from pipeline.plan.efficiency import STATED, efficiency, fit, point
from pipeline.plan.prediction import predict
from pipeline.plan.published import published

M4 = load_device("m4")
QWEN = Plan(vocabulary=151_936, hidden=1024, layers=28, ffn=3072, heads=16, kv_heads=8, head_dim=128, tied=True)
FITTED = efficiency("gpu")
TIMES = ("decision", "first", "decode", "prefill")
positive = st.floats(1e-3, 1e3)
tokens = st.integers(1, 2048)


def device(bandwidth: float, rate: float) -> Device:
    figure = {"source": "a number of this test"}
    rates = {unit: {kind: Figure(value=rate, **figure) for kind in kinds} for unit, kinds in M4.rates.items()}
    return M4.model_copy(update={"bandwidth": Figure(value=bandwidth, **figure), "rates": rates})


def slowness(quantity, plan, on, unit, count, of=STATED):
    """ms of anything: a speed is turned over."""
    value = point(quantity, plan, on, unit, count, of)
    return 1 / value if quantity in ("decode", "prefill") else value


@given(st.floats(1, 1e15), st.floats(1, 1e12), positive, positive)
def test_the_roof_is_the_higher_of_both_sides(operations, bytes_, rate, read):
    found = roofline.seconds(operations, bytes_, rate, read)
    assert found == max(operations / rate, bytes_ / read)


@given(st.sampled_from(TIMES), st.sampled_from(("cpu", "gpu", "npu")), tokens, positive, positive, st.floats(1, 100), st.floats(1, 100))
def test_more_bandwidth_or_rate_is_never_slower(quantity, unit, count, bandwidth, rate, wider, faster):
    before = slowness(quantity, QWEN, device(bandwidth, rate), unit, count)
    assert slowness(quantity, QWEN, device(bandwidth * wider, rate * faster), unit, count) <= before * (1 + 1e-9)


@given(st.sampled_from(TIMES), tokens, st.floats(0.01, 1), st.floats(0.01, 1), st.floats(0.1, 1), st.floats(0.1, 1))
def test_a_larger_share_of_the_rates_is_never_slower(quantity, count, compute, bandwidth, less, narrower):
    more = replace(STATED, compute=compute, bandwidth=bandwidth)
    fewer = replace(STATED, compute=compute * less, bandwidth=bandwidth * narrower)
    assert slowness(quantity, QWEN, M4, "gpu", count, more) <= slowness(quantity, QWEN, M4, "gpu", count, fewer) * (1 + 1e-9)


@given(st.sampled_from((*TIMES, "memory", "load")), st.sampled_from(("gpu", "npu")), tokens, st.floats(1, 32), st.floats(1, 4))
def test_more_bytes_are_never_faster_or_smaller(quantity, unit, count, bits, more):
    light, heavy = (QWEN.after(matrix_bits=b, embedding_bits=b) for b in (bits, bits * more))
    assert slowness(quantity, heavy, M4, unit, count) >= slowness(quantity, light, M4, unit, count) * (1 - 1e-9)


@given(st.sampled_from(("decision", "first")), st.integers(1, 500), st.integers(0, 500), st.integers(1, 27))
def test_more_tokens_or_layers_are_never_faster(quantity, count, more, fewer):
    before = slowness(quantity, QWEN, M4, "gpu", count)
    assert slowness(quantity, QWEN, M4, "gpu", count + more) >= before
    assert slowness(quantity, replace(QWEN, layers=QWEN.layers - fewer), M4, "gpu", count) <= before


@settings(deadline=None)  # the first one fits
@given(st.sampled_from(sorted(FORMATS)), st.sampled_from([load_device(name) for name in ("m4", "m4-max", "m4-pro")]),
       st.integers(1, 28), st.integers(64, 4096))
def test_a_range_holds_its_middle_and_is_no_point(name, on, layers, ffn):
    plan = replace(QWEN, layers=layers, ffn=ffn, matrix_bits=FORMATS[name][0], embedding_bits=FORMATS[name][1])
    found = predict(Candidate(name, engine_of(name), plan), on)
    for of in (found.p50, found.p95, found.first, found.decode, found.memory, found.load):
        assert 0 < of.low < of.point < of.high
        assert of.high / of.point == pytest.approx(of.point / of.low)


@given(tokens)
def test_no_prediction_is_below_the_roofline(count):
    work = roofline.prompt(QWEN, count, 6)
    floor = roofline.seconds(work.operations, work.bytes(4, 4), M4.rate("gpu", 4), 1e9 * M4.bandwidth.value)
    assert point("decision", QWEN.after(matrix_bits=4, embedding_bits=4), M4, "gpu", count, FITTED) >= 1e3 * floor


def test_a_fit_finds_what_made_the_figures():
    """Figures computed with known shares, at several sizes: the fit comes back to what it was made from."""
    true = replace(STATED, compute=0.6, bandwidth=0.9, layer_ms=0.05)
    made = tuple(figure.model_copy(update={"value": point(figure.quantity, figure.plan, figure.of, "gpu", figure.tokens, true)})
                 for figure in published() if figure.engine == "mlx")
    found = fit(made)
    assert (found.bandwidth, found.layer_ms, found.memory_mb) == pytest.approx((0.9, 0.05, STATED.memory_mb), rel=0.1)
    assert found.compute == pytest.approx(0.6, rel=0.25)


def test_without_figures_the_stated_values_stand():
    assert astuple(fit(())) == pytest.approx(astuple(STATED))


def test_the_published_0_6b_is_the_projects_own():
    mine = from_config(shape_config().to_dict())
    assert next(figure for figure in published() if figure.model == "qwen3-0.6b").plan.after(matrix_bits=32, embedding_bits=32) == mine
