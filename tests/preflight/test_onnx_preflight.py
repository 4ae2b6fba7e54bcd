"""What ONNX Runtime's CoreML provider would hand to the Neural Engine: counted by hand, and each rule seen broken."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from pipeline.cli import main
from pipeline.compress import Source
from pipeline.errors import EdgeError
from pipeline.export.onnx_coreml import VARIANTS, export
from pipeline.preflight import preflight
from tests.export.tiny_qwen3 import compress

SIZES = st.integers(1, 9)


def product(file: Path, shape: tuple[int | str, ...] = (1, 4, 8), columns: int = 6, kind: int = TensorProto.FLOAT16, external: bool = False,
            integers: bool = False) -> Path:
    """x [..., k] @ weight [k, columns], in one node."""
    given, made, operation = (TensorProto.INT8, TensorProto.INT32, "MatMulInteger") if integers else (kind, kind, "MatMul")
    weight = numpy_helper.from_array(np.ones((int(shape[-1]), columns), helper.tensor_dtype_to_np_dtype(given)), "weight")
    graph = helper.make_graph([helper.make_node(operation, ["x", "weight"], ["y"])], "product",
                              [helper.make_tensor_value_info("x", given, shape)],
                              [helper.make_tensor_value_info("y", made, (*shape[:-1], columns))], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    onnx.save(model, str(file), save_as_external_data=external, location="weights" if external else None, size_threshold=0)
    return file


@settings(max_examples=20, deadline=None)
@given(batch=SIZES, rows=SIZES, summed=SIZES, columns=SIZES)
def test_a_product_is_its_result_times_what_it_sums(tmp_path_factory, batch, rows, summed, columns):
    found = preflight(product(tmp_path_factory.mktemp("product") / "m.onnx", (batch, rows, summed), columns))
    assert (found.macs, found.share, found.partitions, found.idle) == (batch * rows * summed * columns, 1.0, 1, [])


@pytest.mark.parametrize(("changes", "rule"), [
    ({"shape": (1, 1, 1, 4, 8)}, "at most 4 axes"),
    ({"shape": (1, 4, 8), "columns": 16_385}, "no axis longer than 16,384"),
    ({"kind": TensorProto.FLOAT}, "fp16 only"),
    ({"integers": True}, "operations that the provider knows"),
    ({"shape": (1, 400, 400), "columns": 400, "external": True}, "weights inside the graph"),
])
def test_each_rule_is_seen_broken(tmp_path, changes, rule):
    kept, = preflight(product(tmp_path / "m.onnx", **changes)).kept
    assert kept.rule == rule


def one_node(file: Path, kind: str, *inputs: tuple[int, ...], out: tuple[int, ...], **attributes: object) -> Path:
    """Of float16 constants and an input x of the first shape."""
    half = TensorProto.FLOAT16
    weights = [numpy_helper.from_array(np.ones(shape, np.float16), f"w{place}") for place, shape in enumerate(inputs[1:])]
    node = helper.make_node(kind, ["x", *(weight.name for weight in weights)], ["y"], **attributes)
    graph = helper.make_graph([node], "one", [helper.make_tensor_value_info("x", half, inputs[0])],
                              [helper.make_tensor_value_info("y", half, out)], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), str(file))
    return file


def test_a_product_that_is_not_counted_is_still_seen_to_run_elsewhere(tmp_path):
    found = preflight(one_node(tmp_path / "m.onnx", "Einsum", (3, 4), (4, 5), out=(3, 5), equation="ij,jk->ik"))
    assert [one.operation.kind for one in found.idle] == ["ai.onnx:Einsum"] and found.share == 0


@pytest.mark.parametrize(("turned", "shape"), [(0, (3, 4)), (1, (4, 3))])
def test_a_turned_gemm_sums_over_the_same(tmp_path, turned, shape):
    assert preflight(one_node(tmp_path / "m.onnx", "Gemm", shape, (4, 5), out=(3, 5), transA=turned)).macs == 3 * 4 * 5


def test_an_open_axis_is_fixed_at_the_length_that_is_asked(tmp_path):
    file = product(tmp_path / "m.onnx", (1, "length", 8))
    assert preflight(file, 7).macs == 7 * 8 * 6 and preflight(file, 70).macs == 70 * 8 * 6


@pytest.fixture(scope="session")
def halves(merged, tmp_path_factory):
    out = tmp_path_factory.mktemp("onnx-coreml")
    export(out, out, merged=merged, config={**VARIANTS["fp16"], "max_length": 64})
    return out


def test_the_float16_export_goes_over_in_one_piece(halves):
    found = preflight(halves)
    assert found.share == 1 and found.partitions == 1 and found.idle == []
    assert json.loads((halves / "runtime.json").read_text())["lengths"] == [32, 64]


def test_the_number_format_changes_where_a_product_runs_not_how_many(fp32, int8, halves, tmp_path):
    compress("int4", tmp_path / "int4", Source(fp32), group=16)
    found = {name: preflight(folder) for name, folder in {"fp32": fp32, "int8": int8, "int4": tmp_path / "int4", "fp16": halves}.items()}
    assert len({one.macs for one in found.values()}) == 1
    assert {name: one.share for name, one in found.items()} == {"fp32": 0.0, "int8": 0.0, "int4": 0.0, "fp16": 1.0}
    assert {one.operation.kind for one in found["int8"].idle} == {"ai.onnx:MatMulInteger", "ai.onnx:MatMul"}


def test_the_command_fails_where_a_product_would_run_elsewhere(int8, halves, capsys):
    assert main(["preflight", str(halves)]) == 0
    assert main(["preflight", str(halves), str(int8)]) == 1
    said = capsys.readouterr().out
    assert "MatMulInteger: expected operations that the provider knows" in said and "only a Mac tells" in said


@pytest.mark.parametrize("content", [b"", b"<html>", None])
def test_what_is_no_model_is_one_line(tmp_path, content, fp32, capsys):
    file = tmp_path / "m.onnx"
    file.write_bytes((fp32 / "model.onnx").read_bytes()[:-300] if content is None else content)
    with pytest.raises(EdgeError, match="expected an ONNX model whose shapes can be told"):
        preflight(file)
    assert main(["preflight", str(file)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_directory_without_a_graph_and_a_length_of_nothing(tmp_path, fp32, capsys):
    with pytest.raises(EdgeError, match="expected a .onnx file or a .mlpackage"):
        preflight(tmp_path)
    assert main(["preflight", str(fp32), "--length", "0"]) == 2
    assert "expected at least 1 token" in capsys.readouterr().err
