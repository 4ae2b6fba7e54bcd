from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import EdgeError
from pipeline.formats import mil_interpreter
from pipeline.formats.mil_interpreter import Interpreter
from pipeline.formats.mil_ops import to_fp16
from pipeline.formats.mil_types import TYPES, stored_bytes, unpack
from pipeline.formats.mlpackage import Constant, Function, Operation, Tensor, read_mlpackage
from pipeline.formats.weight_bin import WeightFile
from pipeline.runtime import load
from tests.program.damage import copied, edited

EDGES = [0.0, -0.0, 65504.0, 65519.99, 65520.0, -65520.0, 6e-8, 2.0**-25, 2.0**-24, 2.0**-14, 1e-45, np.inf, -np.inf, np.nan, 2049.0]


def label_ids(model: Path) -> list[int]:
    import json

    return json.loads((model / "runtime.json").read_text())["label_ids"]


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50))
def test_rounding_to_fp16_is_numpys_for_every_float32(bits):
    for values in (np.array(bits, np.uint32).view(np.float32), *np.float32([[edge] for edge in EDGES])):
        with np.errstate(all="ignore"):
            expected, (held, fine) = values.astype(np.float16), to_fp16(values)
        np.testing.assert_array_equal(held, expected.astype(np.float32))
        assert fine == np.isfinite(expected).all()


@settings(deadline=None)  # the first example imports coremltools
@given(st.data(), st.sampled_from([name for name, type_ in TYPES.items() if type_.blob and "int" in name]))
def test_what_coremltools_writes_is_read(tmp_path_factory, data, dtype):
    from coremltools.libmilstoragepython import _BlobStorageWriter

    bits, low = TYPES[dtype].bits, -(2 ** (TYPES[dtype].bits - 1)) if dtype.startswith("int") else 0
    values = np.array(data.draw(st.lists(st.integers(low, low + 2**bits - 1), min_size=1, max_size=40)), TYPES[dtype].numpy)
    file = tmp_path_factory.mktemp("blob") / "weight.bin"
    writer = _BlobStorageWriter(str(file))
    offset = getattr(writer, f"write_{dtype}_data")(values)
    del writer
    raw = WeightFile(file).blob(offset, dtype, len(values))
    assert len(raw) == stored_bytes(dtype, len(values))
    np.testing.assert_array_equal(unpack(dtype, raw, len(values)), values)


def function(kind: str, dtype: str = "fp16") -> Function:
    """One operation on an input x of two numbers and the constant y."""
    y = Constant(dtype, (2,), np.array([300, 2], TYPES[dtype].numpy).view(np.uint8))
    inputs = {"x": ("x",), "y": (y,)}
    made = Operation(kind, "made", inputs, (Tensor("made", dtype, (2,)),), {})
    return Function("main", "CoreML8", (Tensor("x", dtype, (2,)),), ("made",), (made,))


def test_what_overflows_is_told_by_name():
    interpreter = Interpreter(function("mul"))
    assert interpreter.run({"x": np.float32([2, 3])})["made"].tolist() == [600, 6] and not interpreter.faults
    assert interpreter.run({"x": np.float32([300, 3])})["made"].tolist() == [np.inf, 6]
    assert interpreter.faults == {"made": "overflow"}


def test_what_is_no_number_is_told_by_name():
    interpreter = Interpreter(function("sub", "fp32"))
    interpreter.run({"x": np.float32([np.nan, 1])})
    assert interpreter.faults == {"made": "not finite"}


def test_a_result_is_rounded_to_its_declared_type():
    x = np.float32([1.0009765625, 1])  # 1 + 2^-10
    assert Interpreter(function("add")).run({"x": x})["made"][0] == 301
    assert Interpreter(function("add", "fp32")).run({"x": x})["made"][0] == pytest.approx(301.0009765)


def test_an_unknown_operation_is_named():
    with pytest.raises(EdgeError, match="found erf at made; teach it to pipeline/formats/mil_ops.py"):
        Interpreter(function("erf"))


@pytest.mark.parametrize("x", [None, np.float32([1]), np.int32([1, 2]), np.float64([1, 2])])
def test_an_input_that_is_not_as_declared_is_refused(x):
    with pytest.raises(EdgeError, match="expected the input x as fp16"):
        Interpreter(function("add")).run({} if x is None else {"x": x})


def test_a_declared_shape_that_is_not_so_is_found():
    lying = function("add")
    made = dataclasses.replace(lying.operations[0], outputs=(Tensor("made", "fp16", (3,)),))
    with pytest.raises(EdgeError, match="expected the declared shape"):
        Interpreter(dataclasses.replace(lying, operations=(made,))).run({"x": np.float32([1, 2])})


def test_large_constants_that_are_not_kept_give_the_same(coreml_int8, monkeypatch):
    main = next(iter(read_mlpackage(coreml_int8 / "model.mlpackage").functions.values()))
    given_ = {name: np.ones((1, 64), np.int32) for name in ("ids", "mask")}
    kept = Interpreter(main).run(given_)["logits"]
    monkeypatch.setattr(mil_interpreter, "KEPT", 0)
    np.testing.assert_array_equal(Interpreter(main).run(given_)["logits"], kept)


def test_the_backend_pads_to_the_shortest_function(coreml_fp16):
    runtime = load(coreml_fp16, label_ids(coreml_fp16), 1, "mil")
    for length in (1, 64, 65, 80):
        assert np.isfinite(runtime.logits(range(1, length + 1))).all()
    for ids in ([], list(range(81))):
        with pytest.raises(EdgeError, match="expected 1 to 80 token ids"):
            runtime.logits(ids)
    assert (runtime.backend, runtime.provider) == ("mil", "numpy, program semantics")


def test_a_token_of_another_vocabulary_is_refused(coreml_fp16):
    with pytest.raises(EdgeError, match="use the tokenizer of the same model"):
        load(coreml_fp16, label_ids(coreml_fp16), 1, "mil").logits([30_000])


def test_the_labels_of_another_model_are_refused(coreml_fp16):
    with pytest.raises(EdgeError, match="the decision that was made from the same model"):
        load(coreml_fp16, [1, 2], 1, "mil")


def test_a_missing_function_is_named(coreml_fp16, tmp_path):
    model = copied(coreml_fp16, tmp_path / "model")
    spec = (model / "runtime.json").read_text()
    (model / "runtime.json").write_text(spec.replace("tokens_64", "tokens_65"))
    with pytest.raises(EdgeError, match="found no tokens_65"):
        load(model, label_ids(model), 1, "mil")


def test_an_operation_without_its_input_is_one_line(coreml_fp16, tmp_path):
    def forget(block):
        del next(each for each in block.operations if each.type == "linear").inputs["weight"]

    model = edited(copied(coreml_fp16, tmp_path / "model"), forget)
    with pytest.raises(EdgeError, match="linear"):
        load(model, label_ids(model), 1, "mil").logits([1, 2])
