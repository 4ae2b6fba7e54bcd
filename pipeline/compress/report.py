"""What every technique reports alike: bytes, parameters, sparsity, and the error of each matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline.runtime.files import read_object


class Counted(NamedTuple):
    """A directory's weights: bytes on disk, how many there are and how many of them are zero."""

    bytes: int
    parameters: int
    zeros: int


def common_report(before: Path, after: Path, *, graph: bool, renamed: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Of two directories of one stage: ``bytes``, ``parameters`` and ``sparsity`` {before, after}, and ``error``.

    error: matrix name -> |W - W'| / |W| (Frobenius), for the matrices that both have in the same shape.  A quantised matrix
    counts with the values that it stands for, a factorised one with the product, and factors that layers share count once.
    renamed: how a matrix's name begins after -> before, where layers moved.
    """
    matrices = _graph_matrices if graph else _model_matrices
    counted, error = {}, {}
    known = {name: matrix for name, matrix in matrices(before)}
    counted["before"] = _count(before, known.values())
    parameters = zeros = 0
    for name, matrix in matrices(after):
        parameters, zeros = parameters + matrix.size, zeros + int(np.count_nonzero(matrix == 0))
        exact = known.get(_old_name(name, renamed or {}))
        if exact is not None and exact.shape == matrix.shape:
            error[name] = round(relative_error(exact, matrix), 6)
    for name, product in () if graph else _products(after):
        if name in known:
            error[name] = round(relative_error(known[name], product), 6)
    counted["after"] = Counted(size_of(after), parameters, zeros)
    return {"bytes": {side: of.bytes for side, of in counted.items()},
            "parameters": {side: of.parameters for side, of in counted.items()},
            "sparsity": {side: round(of.zeros / max(of.parameters, 1), 6) for side, of in counted.items()},
            "error": error}


def relative_error(exact: np.ndarray, found: np.ndarray) -> float:
    """|exact - found| / |exact|, Frobenius; 0 for a matrix of zeros that stayed one."""
    norm = float(np.linalg.norm(exact))
    return float(np.linalg.norm(exact - found)) / norm if norm else float(np.linalg.norm(found))


def _old_name(name: str, renamed: Mapping[str, str]) -> str:
    for new, old in renamed.items():
        if name.startswith(new):
            return old + name.removeprefix(new)
    return name


def size_of(directory: Path) -> int:
    """Bytes of a directory's weights: safetensors, or a graph with its external data."""
    return sum(file.stat().st_size for file in directory.iterdir() if file.suffix in (".safetensors", ".onnx", ".data"))


def _count(directory: Path, matrices: Any) -> Counted:
    sizes = [(matrix.size, int(np.count_nonzero(matrix == 0))) for matrix in matrices]
    return Counted(size_of(directory), sum(size for size, _ in sizes), sum(zeros for _, zeros in sizes))


def _model_matrices(directory: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Embedding, matrices and norms of a Hugging Face directory in float32, a tied head not counted."""
    from pipeline.runtime.torch_runtime import load_model

    for name, parameter in load_model(directory).named_parameters():
        yield name, parameter.detach().numpy()


def _products(directory: Path) -> Iterator[tuple[str, np.ndarray]]:
    """The factorised matrices of a Hugging Face directory in float32."""
    from pipeline.runtime.torch_factors import products
    from pipeline.runtime.torch_runtime import load_model

    if read_object(directory / "config.json", "a model's configuration").get("factors"):
        for name, product in products(load_model(directory)):
            yield name, product.numpy()


def _graph_matrices(directory: Path) -> Iterator[tuple[str, np.ndarray]]:
    from pipeline.compress.onnx_weights import dense_weights

    spec = read_object(directory / "runtime.json", "the runtime of an exported model")
    yield from dense_weights(directory / spec["file"])
