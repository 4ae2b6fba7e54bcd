"""Copies of a Core ML directory with a fault in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.formats import mlpackage
from pipeline.formats.mlpackage import read_mlpackage

INSIDE = Path("model.mlpackage", "Data", "com.apple.CoreML")


def copied(model: Path, to: Path) -> Path:
    return Path(shutil.copytree(model, to))


def model_file(model: Path) -> Path:
    return model / INSIDE / "model.mlmodel"


def weight_file(model: Path) -> Path:
    return model / INSIDE / "weights" / "weight.bin"


def edited(model: Path, change: Callable[[Any], None]) -> Path:
    """``change`` is called with each block of operations in the file's protobuf."""
    file = model_file(model)
    content = mlpackage._parsed(file)
    for function in content.mlProgram.functions.values():
        change(function.block_specializations[function.opset])
    file.write_bytes(content.SerializeToString())
    return model


def set_padding(block: Any, value: float) -> None:
    """What the scores of padding get, in place of -1e4: the constant of the first product, whose other side is 1 - mask."""
    name = next(each.inputs["y"].arguments[0].name for each in block.operations if each.type == "mul")
    constant = next(each for each in block.operations if each.outputs[0].name == name)
    constant.attributes["val"].immediateValue.tensor.bytes.values = np.float16(value).tobytes()


def offset(model: Path, name: str, of: str = "") -> tuple[int, int]:
    """Where in weight.bin the values of a constant are, or an operation's input ``of`` (its weights), and how many bytes they take."""
    program = read_mlpackage(model / "model.mlpackage")
    made = next(each for each in program.functions[program.default].operations if each.name == name)
    inputs = {**made.inputs, "": made.inputs.get("data", made.inputs.get("indices"))}
    raw = made.attributes["val"].raw if made.kind == "const" else inputs[of][0].raw
    return raw.ctypes.data - raw.base.ctypes.data, raw.nbytes
