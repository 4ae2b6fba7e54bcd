"""Each rule finds the bottleneck that was planted for it, and following it saves what it said: in bytes, products or operators."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from pipeline.profiling.bottlenecks import Bottleneck, bottlenecks, suggestion
from pipeline.profiling.operators import Operator, OperatorProfile
from tests.profiling.conftest import Profiling, product, saved, weight

FEW = 0.03  # scales and zero points, which a saving in bytes leaves out


def first(profile: OperatorProfile) -> Bottleneck:
    found = bottlenecks(profile)
    assert found, suggestion(profile)
    return found[0]


def quantised(file: Path, to: Path, leaving: tuple[str, ...] = (), kinds: tuple[str, ...] = ("MatMul",)) -> Path:
    quantize_dynamic(file, to, nodes_to_exclude=list(leaving), op_types_to_quantize=list(kinds), weight_type=QuantType.QUInt8)
    return to


def weights(profile: OperatorProfile) -> int:
    return sum(one.weights for one in profile.operators)


@pytest.fixture
def two_products(tmp_path: Path) -> Path:
    nodes = [product("small", "x", "h"), product("big", "h", "y")]
    return saved(tmp_path / "two.onnx", nodes, {"w_small": weight(256, 256), "w_big": weight(256, 4096)}, 256)


def test_a_huge_float_product_is_named_and_quantising_saves_the_bytes_that_were_predicted(
        profiled: Profiling, two_products: Path, tmp_path: Path) -> None:
    before = profiled(two_products)
    found = first(before)
    assert found.rule == "float products" and found.unit == "bytes of weights" and found.share > 0.8
    assert found.before == 4 * 256 * (256 + 4096) and "quantise them (recipe int8)" in found.says
    after = profiled(quantised(two_products, tmp_path / "int8.onnx"))
    assert after.share([one for one in after.operators if one.type == "fp32" and one.macs]) == 0
    assert weights(before) - weights(after) == pytest.approx(found.before - found.after, rel=FEW)


def test_a_float_island_in_a_quantised_graph_is_named_alone(profiled: Profiling, two_products: Path, tmp_path: Path) -> None:
    before = profiled(quantised(two_products, tmp_path / "island.onnx", leaving=("big",)))
    found = first(before)
    assert (found.rule, found.operators) == ("island", ("big",)) and "quantised otherwise: quantise it too" in found.says
    after = profiled(quantised(two_products, tmp_path / "int8.onnx"))
    assert weights(before) - weights(after) == pytest.approx(found.before - found.after, rel=FEW)
    assert "island" not in [one.rule for one in bottlenecks(after)]


def test_a_product_that_is_quantised_already_is_to_be_narrowed_and_half_as_wide_does_half(profiled: Profiling, tmp_path: Path) -> None:
    def wide(width: int) -> OperatorProfile:
        graph = saved(tmp_path / f"{width}.onnx", [product("only", "x", "y")], {"w_only": weight(256, width)}, 256)
        return profiled(quantised(graph, tmp_path / f"{width}.int8.onnx"))
    found = first(wide(4096))
    assert found.rule == "wide product" and found.unit == "multiply-accumulates" and "narrow it" in found.says
    assert sum(one.macs for one in wide(2048).operators) == found.after == found.before / 2


def test_casts_there_and_back_are_what_is_written_in_vain(profiled: Profiling, tmp_path: Path) -> None:
    casts = [helper.make_node("Cast", [f"h{place}"], [f"h{place + 1}"], f"cast_{place}", to=TensorProto.INT32 if place % 2 == 0 else
                              TensorProto.FLOAT) for place in range(6)]
    tail = helper.make_node("ReduceMax", ["h6"], ["y"], "most")
    head = helper.make_node("Neg", ["x"], ["h0"], "start")
    before = profiled(saved(tmp_path / "casts.onnx", [head, *casts, tail], {}, 8192))
    found = first(before)
    assert (found.rule, found.unit, len(found.operators)) == ("moving", "bytes written", 6) and "6 Cast take" in found.says
    kept = [head, helper.make_node("ReduceMax", ["h0"], ["y"], "most")]
    after = profiled(saved(tmp_path / "none.onnx", kept, {}, 8192))
    saved_bytes = sum(one.writes for one in before.operators) - sum(one.writes for one in after.operators)
    assert saved_bytes == found.before == 6 * 32 * 8192 * 4


def test_many_tiny_operators_are_overhead_and_fusing_leaves_few(profiled: Profiling, tmp_path: Path) -> None:
    def chain(length: int) -> OperatorProfile:
        nodes = [helper.make_node(("Mul", "Add")[place % 2], [f"h{place}" if place else "x", "c"], [f"h{place + 1}"], f"n{place}")
                 for place in range(length)]
        return profiled(saved(tmp_path / f"{length}.onnx", nodes, {"c": np.ones(4, np.float32)}, 4))
    found = first(chain(300))
    assert (found.rule, found.unit) == ("overhead", "operators") and "fuse them" in found.says
    assert 200 < found.before <= 300  # one or the other waits for the processor now and then
    assert not bottlenecks(chain(1)) and len(chain(1).operators) == found.after


def test_a_table_that_is_most_of_the_weights_is_to_be_quantised_then_cut(profiled: Profiling, tmp_path: Path) -> None:
    def table(words: int) -> Path:
        nodes = [helper.make_node("Gather", ["w_words", "x"], ["h"], "words"), product("head", "h", "y")]
        return saved(tmp_path / f"{words}.onnx", nodes, {"w_words": weight(words, 64), "w_head": weight(64, 8)}, 64, TensorProto.INT64)

    def held(profile: OperatorProfile) -> int:
        return next(one.weights for one in profile.operators if one.kind == "Gather")

    def of_table(profile: OperatorProfile) -> Bottleneck:
        return next(one for one in bottlenecks(profile) if one.rule == "table")
    floats = of_table(profiled(table(20_000)))
    assert floats.of == "memory" and "quantise it" in floats.says and floats.before == 20_000 * 64 * 4
    small = profiled(quantised(table(20_000), tmp_path / "table.int8.onnx", kinds=("Gather",)))
    assert held(small) == floats.after
    cut = of_table(small)
    assert "leave out words" in cut.says
    assert held(profiled(quantised(table(10_000), tmp_path / "half.int8.onnx", kinds=("Gather",)))) == cut.after


def test_more_threads_than_cores_are_named_first(profiled: Profiling, two_products: Path) -> None:
    cores = os.cpu_count() or 1
    found = first(profiled(two_products, threads=cores + 1))
    assert found.rule == "threads" and f"run with --threads {cores}" in found.says
    assert "threads" not in [one.rule for one in bottlenecks(profiled(two_products, threads=int(found.after)))]


def test_a_graph_without_a_bottleneck_is_told_so(profiled: Profiling, tmp_path: Path) -> None:
    kinds = ("Exp", "Sqrt", "Sigmoid", "Tanh", "Erf")
    nodes = [helper.make_node(kind, [f"h{place}" if place else "x"], [f"h{place + 1}"], kind.lower()) for place, kind in enumerate(kinds)]
    profile = profiled(saved(tmp_path / "even.onnx", nodes, {}, 4096))
    assert bottlenecks(profile) == [] and suggestion(profile).startswith("no bottleneck: the costliest kind of operator, ")


def test_an_estimate_says_nothing_of_calls_and_moves() -> None:
    moves = [Operator(name=f"m{place}", kind="Transpose", writes=100) for place in range(200)]
    profile = OperatorProfile(model="m", backend="litert", provider="p", by="macs", estimated=True, threads=1, cores=2, tokens=8,
                              host_class="h", operators=[*moves, Operator(name="p", kind="MATMUL", macs=10, type="int8")])
    assert bottlenecks(profile) == []
