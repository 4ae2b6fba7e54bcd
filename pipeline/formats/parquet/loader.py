"""One tensor out of a Parquet file of weights, without reading the others."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from pipeline.errors import EdgeError
from pipeline.formats.parquet.columns import Row
from pipeline.formats.parquet.layout import PART, joined, read_layout
from pipeline.formats.parquet.page import Page
from pipeline.formats.parquet.read import ParquetReader

if TYPE_CHECKING:
    from torch import Tensor


class WeightLoader:
    """A context over a Parquet file of weights, V1 or V2, of this project or another writer.

    with WeightLoader(path) as loader:
        weight = loader.tensor("model.embed_tokens.weight")

    What is stored without compression is not read either: the tensor lies in the mapped file, pages come as they are touched, and a
    change to it stays in this process.  Otherwise the tensor is decompressed piece by piece.  EdgeError for a file that is damaged or
    none of weights, and a name that is not there.
    """

    def __init__(self, path: Path) -> None:
        self._reader = ParquetReader(path)
        layout = read_layout(self._reader.metadata)
        self._split = layout.split if layout else {}
        self._parts = {PART.format(name=name, number=0): name for name in self._split}

    def __enter__(self) -> WeightLoader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._reader.__exit__(kind, error, trace)

    def names(self) -> list[str]:
        """The tensors, in the order of the file."""
        parts = {PART.format(name=name, number=number) for name in self._split for number in range(1, len(self._reader.names))}
        return [self._parts.get(name, name) for name in self._reader.names if name not in parts]

    def info(self, name: str) -> Row:
        """Shape, type, and how it is quantised (V2); ``data`` is not read yet where the row is alone in its group."""
        if name not in self._split:
            return self._reader.row(name)
        rows = (self._reader.row(part) for number in range(len(self._reader.names))
                if (part := PART.format(name=name, number=number)) in self._reader)
        return next(joined(rows, self._split))

    def tensor(self, name: str) -> Tensor:
        """The tensor as stored: codes for one that is quantised, whose scales are in `info`."""
        import torch

        row = self.info(name)
        dtype = getattr(torch, row.dtype + "_x2" if row.dtype == "float4_e2m1fn" else row.dtype, None)
        if dtype is None:
            raise EdgeError(f"{name}: expected a type that torch has, found {row.dtype}; take the bytes of `info`")
        shape = (*row.shape[:-1], row.shape[-1] // 2) if row.dtype == "float4_e2m1fn" else row.shape
        if not row.nbytes:
            return torch.empty(shape, dtype=dtype)
        return torch.frombuffer(_bytes(row), dtype=torch.uint8).view(dtype).reshape(shape)


def _bytes(row: Row) -> memoryview | bytearray:
    """The data where they lie in the mapped file, or read into memory of their own."""
    if isinstance(row.data, Page) and row.data.codec == "none" and row.data.at % 8 == 4:  # else torch could not view them as numbers
        return row.data.mapped()
    found, at = bytearray(row.nbytes), 0
    for piece in row.pieces():
        found[at : at + len(piece)] = piece
        at += len(piece)
    return found
