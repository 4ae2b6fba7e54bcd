from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import EdgeError
from pipeline.formats.mlpackage import Tensor, read_mlpackage
from pipeline.formats.weight_bin import ENTRY
from tests.program.damage import copied, edited, model_file, weight_file

ROOT = Path(__file__).parents[2]


@pytest.fixture
def model(coreml_fp16: Path, tmp_path: Path) -> Path:
    return copied(coreml_fp16, tmp_path / "model")


def read(model: Path):
    return read_mlpackage(model / "model.mlpackage")


def test_what_is_in_a_package(coreml_fp16, merged):
    from safetensors.numpy import load_file

    program = read(coreml_fp16)
    assert sorted(program.functions) == ["tokens_64", "tokens_80"] and program.default == "tokens_80"
    function = program.functions["tokens_64"]
    assert function.inputs == (Tensor("ids", "int32", (1, 64)), Tensor("mask", "int32", (1, 64))) and function.outputs == ("logits",)
    weight = next(each for each in function.operations if each.name == "p_embedding_weight_to_fp16").attributes["val"]
    expected = load_file(merged / "model.safetensors")["model.embed_tokens.weight"].astype(np.float16)
    assert (weight.array() == expected).all() and weight.blob and weight.stored == expected.nbytes
    assert not weight.array().flags.writeable


def test_reading_needs_neither_coremltools_nor_torch_and_does_not_hinder_them(coreml_fp16):
    code = ("import sys; from pathlib import Path; from pipeline.formats.mlpackage import read_mlpackage;"
            "read_mlpackage(Path(sys.argv[1])); assert not {'coremltools', 'torch'} & set(sys.modules);"
            "from coremltools.proto import Model_pb2; Model_pb2.Model()")
    subprocess.run([sys.executable, "-c", code, str(coreml_fp16 / "model.mlpackage")], cwd=ROOT, check=True, capture_output=True)


def rewrite_manifest(model: Path, path: object) -> None:
    file = model / "model.mlpackage" / "Manifest.json"
    content = json.loads(file.read_text())
    content["itemInfoEntries"][content["rootModelIdentifier"]]["path"] = path
    file.write_text(json.dumps(content))


def truncate(file: Path, size: int) -> None:
    os.truncate(file, size)


def elsewhere(model: Path) -> None:
    """weight.bin, whole, but behind a link that leaves the package."""
    weight_file(model).rename(model / "weight.bin")
    weight_file(model).symlink_to(model / "weight.bin")


DAMAGES = {
    "no package": (lambda m: (m / "model.mlpackage").rename(m / "other"), "expected a directory"),
    "no manifest": (lambda m: (m / "model.mlpackage" / "Manifest.json").unlink(), "expected Manifest.json"),
    "manifest of garbage": (lambda m: (m / "model.mlpackage" / "Manifest.json").write_bytes(b"\xff{"), "as JSON"),
    "manifest without a root": (lambda m: (m / "model.mlpackage" / "Manifest.json").write_text('{"itemInfoEntries": []}'), "root model"),
    "a path that is no text": (lambda m: rewrite_manifest(m, 7), "root model"),
    "a path that leaves": (lambda m: rewrite_manifest(m, "../../../model.mlmodel"), "inside the package"),
    "an absolute path": (lambda m: rewrite_manifest(m, "/etc/passwd"), "inside the package"),
    "a path with NUL": (lambda m: rewrite_manifest(m, "a\0b"), "inside the package"),
    "no model": (lambda m: model_file(m).unlink(), "expected a Core ML model"),
    "half a model": (lambda m: truncate(model_file(m), model_file(m).stat().st_size // 2), "expected a Core ML model"),
    "an empty model": (lambda m: truncate(model_file(m), 0), "expected a program with functions"),
    "a model that is a folder": (lambda m: (model_file(m).unlink(), model_file(m).mkdir()), "found a directory"),
    "no weights": (lambda m: weight_file(m).unlink(), "expected the weights"),
    "weights of nothing": (lambda m: truncate(weight_file(m), 0), "expected a header"),
    "half of the weights": (lambda m: truncate(weight_file(m), weight_file(m).stat().st_size // 2), "expected"),
    "weights of another format": (lambda m: weight_file(m).write_bytes(b"x" * 100_000), "version 2"),
    "weights behind a link": (elsewhere, "inside the package"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_package_is_one_line(model, damage):
    spoil, message = DAMAGES[damage]
    spoil(model)
    with pytest.raises(EdgeError, match=message) as caught:
        read(model)
    assert "\n" not in str(caught.value) and str(model) in str(caught.value)


def first_blob(block):
    return next(value for each in block.operations for value in each.attributes.values()
                if value.WhichOneof("value") == "blobFileValue")


def first_bytes(block):
    return next(value.immediateValue.tensor.bytes for each in block.operations for value in each.attributes.values()
                if value.immediateValue.tensor.WhichOneof("value") == "bytes")


def set_type(block, code: int) -> None:
    block.operations[-1].outputs[0].type.tensorType.dataType = code


def del_outputs(block) -> None:
    del next(each for each in block.operations if each.type == "const").outputs[:]


def unbind(block) -> None:
    del next(each for each in block.operations if each.type == "linear").inputs["x"].arguments[:]


EDITS = {
    "a blob beyond the file": (lambda b: setattr(first_blob(b).blobFileValue, "offset", 2**40), "an entry within"),
    "a blob between two": (lambda b: setattr(first_blob(b).blobFileValue, "offset", 128), "no entry|type"),
    "a blob at an odd place": (lambda b: setattr(first_blob(b).blobFileValue, "offset", 65), "an entry within"),
    "a blob elsewhere": (lambda b: setattr(first_blob(b).blobFileValue, "fileName", "@model_path/../../../x"), "inside the package"),
    "a blob of the system": (lambda b: setattr(first_blob(b).blobFileValue, "fileName", "/etc/passwd"), "weights in a file"),
    "a larger shape": (lambda b: setattr(first_blob(b).type.tensorType.dimensions[0].constant, "size", 2**50), "values of fp16"),
    "another type": (lambda b: setattr(first_blob(b).type.tensorType, "dataType", 31), "values of uint8"),
    "an unknown type": (lambda b: set_type(b, 40), "a tensor of one of"),
    "a shape that is not fixed": (lambda b: first_blob(b).type.tensorType.dimensions[0].unknown.SetInParent(), "a fixed shape"),
    "too few bytes": (lambda b: setattr(first_bytes(b), "values", b""), "bytes for"),
    "an operation lost": (lambda b: b.operations.pop(len(b.operations) // 2), "to be computed before it|computed"),
    "an operation twice": (lambda b: b.operations.append(b.operations[0]), "computed once"),
    "an output lost": (lambda b: b.outputs.pop(), "compute its outputs"),
    "a constant without a name": (lambda b: del_outputs(b), "a value and a name|computed before it"),
    "a parameter bound to nothing": (lambda b: unbind(b), "every parameter to be bound"),
    "control flow": (lambda b: b.operations[-1].blocks.add(), "without control flow"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_program_that_cannot_be_is_one_line(model, edit):
    change, message = EDITS[edit]
    with pytest.raises(EdgeError, match=message) as caught:
        read(edited(model, change))
    assert "\n" not in str(caught.value)


def test_weights_that_begin_outside_the_file_are_found(model):
    content = bytearray(weight_file(model).read_bytes())
    entry = list(ENTRY.unpack_from(content, 64))
    entry[3] = len(content) - 1
    ENTRY.pack_into(content, 64, *entry)
    weight_file(model).write_bytes(content)
    with pytest.raises(EdgeError, match="within"):
        read(model)
