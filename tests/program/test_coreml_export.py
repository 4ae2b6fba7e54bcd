from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import EdgeError
from pipeline.export import coreml
from pipeline.formats.mlpackage import Function, read_mlpackage
from pipeline.runtime.prompt import read_tokenizer
from pipeline.runtime.static_lengths import lengths_up_to
from tests.program.damage import weight_file

SPREADING = {"tile", "expand", "broadcast_to"}


@pytest.fixture(params=["fp16", "int8", "palette4"])
def function(request: pytest.FixtureRequest) -> Function:
    """The longest function of each saved program."""
    program = read_mlpackage(request.getfixturevalue(f"coreml_{request.param}") / "model.mlpackage")
    return program.functions[program.default]


def test_the_saved_program_is_static_of_rank_four_and_without_expand(function):
    shapes = [tensor.shape for operation in function.operations for tensor in operation.outputs]
    assert not [shape for shape in shapes if None in shape]
    assert max(map(len, shapes)) <= 4
    assert not SPREADING & {operation.kind for operation in function.operations}


def test_the_mask_is_finite_and_every_number_is_in_half_precision(function):
    for operation in function.operations:
        if operation.kind == "const" and operation.outputs[0].dtype not in ("string", "bool"):
            assert np.isfinite(operation.attributes["val"].array()).all(), operation.name
        assert {tensor.dtype for tensor in operation.outputs} <= {"fp16", "int32", "int16", "uint16", "bool", "string"}, operation.name
    square = (function.inputs[0].shape[1],) * 2
    mask = next(each for each in function.operations if each.kind == "const" and each.outputs[0].shape[-2:] == square)
    assert mask.attributes["val"].array().min() == -10_000


def test_the_head_holds_the_labels_alone(function):
    head = [operation for operation in function.operations if operation.kind == "linear"][-1]
    assert head.outputs[0].shape == (1, 6) and function.outputs == ("logits",)
    assert function.inputs[0].dtype == function.inputs[1].dtype == "int32"


@pytest.mark.parametrize("weights, kind", [("int8", "constexpr_blockwise_shift_scale"), ("palette4", "constexpr_lut_to_dense")])
def test_the_matrices_alone_are_stored_in_fewer_bits(request, weights, kind):
    program = read_mlpackage(request.getfixturevalue(f"coreml_{weights}") / "model.mlpackage")
    operations = {each.name: each for each in program.functions[program.default].operations}
    for operation in operations.values():
        if operation.kind == "linear" and operation.outputs[0].shape != (1, 6):
            assert operations[operation.inputs["weight"][0]].kind == kind
        if operation.kind == "gather":
            assert operations[operation.inputs["x"][0]].kind == "constexpr_blockwise_shift_scale"
    compressed = [each for each in operations.values() if each.kind.startswith("constexpr")]
    assert {"linear", "gather"} >= {user.kind for each in compressed for user in operations.values()
                                    if any(each.name in bound for bound in user.inputs.values())}


@pytest.mark.parametrize("weights, bits", [("fp16", 16), ("int8", 8)])
def test_the_lengths_share_the_weights(request, merged, weights, bits):
    size = (merged / "model.safetensors").stat().st_size / 32 * bits
    assert size < weight_file(request.getfixturevalue(f"coreml_{weights}")).stat().st_size < 1.6 * size


def test_without_a_source_that_is_made_first(coreml_fp16, coreml_int8, merged, tmp_path, monkeypatch):
    monkeypatch.setattr(coreml, "_convert", lambda out, *_: shutil.copytree(coreml_fp16, out, dirs_exist_ok=True))
    (scratch := tmp_path / "scratch").mkdir()
    coreml.export(tmp_path, scratch, merged=merged, config={"max_length": 80, "weights": "int8"})
    assert weight_file(tmp_path).read_bytes() == weight_file(coreml_int8).read_bytes()
    assert (tmp_path / "runtime.json").read_text() == (coreml_int8 / "runtime.json").read_text()


def test_what_runtime_json_says(coreml_fp16, merged):
    spec = json.loads((coreml_fp16 / "runtime.json").read_text())
    letters = [read_tokenizer(merged).token_to_id(letter) for letter in "ABCDEF"]
    assert spec == {"backend": "coreml", "file": "model.mlpackage", "functions": {"tokens_64": 64, "tokens_80": 80},
                    "inputs": ["ids", "mask"], "output": "logits", "label_ids": letters,
                    "max_length": 80, "weights": "fp16", "target": "macOS15"}
    assert sorted(path.name for path in coreml_fp16.iterdir()) == ["model.mlpackage", "runtime.json"]


def test_unknown_weights_and_a_missing_model_are_one_line(merged, tmp_path):
    with pytest.raises(EdgeError, match="expected one of fp16, int8, palette4"):
        coreml.export(tmp_path, tmp_path, merged=merged, config={"max_length": 64, "weights": "int3"}, source=tmp_path)
    with pytest.raises(EdgeError, match="tokenizer.json"):
        coreml.export(tmp_path, tmp_path, merged=Path(tmp_path, "none"), config={"max_length": 64, "weights": "fp16"})


@pytest.mark.parametrize("longest, lengths", [(16, [16]), (64, [64]), (65, [64, 65]), (300, [64, 128, 256, 300])])
def test_the_last_length_is_the_longest(longest, lengths):
    assert lengths_up_to(longest, coreml.LENGTHS) == lengths
