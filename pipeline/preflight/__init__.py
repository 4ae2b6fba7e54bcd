"""What would run on Apple's Neural Engine, read off a model file before there is a Mac: a prediction, never a measurement."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import EdgeError
from pipeline.preflight.graph import Preflight

LENGTH = 64  # tokens


def preflight(model: Path, length: int = LENGTH) -> Preflight:
    """Of a .onnx file or a .mlpackage, or the one in a directory; EdgeError for anything else.

    length: tokens, where a graph leaves them open; of a package with several, the function for the next length.
    """
    file = _file_of(model)
    if file.suffix == ".onnx":
        from pipeline.preflight.onnx_graph import onnx_preflight
        return onnx_preflight(file, length)
    from pipeline.preflight.mil_graph import mil_preflight
    return mil_preflight(file, length)


def _file_of(model: Path) -> Path:
    if model.suffix in (".onnx", ".mlpackage") and model.exists():
        return model
    found = sorted(file for file in model.glob("*") if file.suffix in (".onnx", ".mlpackage")) if model.is_dir() else []
    if len(found) != 1:
        raise EdgeError(f"{model}: expected a .onnx file or a .mlpackage, or a directory with one of them, found "
                        f"{' and '.join(file.name for file in found) or 'none'}; name the file")
    return found[0]
