"""Weights that are no numbers, found while they are copied or before they are quantised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from pipeline.errors import EdgeError
from pipeline.formats.parquet.columns import Row

_EXPONENTS = {
    "float64": ("<u8", 0x7FF0 << 48), "float32": ("<u4", 0x7F80 << 16), "complex64": ("<u4", 0x7F80 << 16), "float16": ("<u2", 0x7C00),
    "bfloat16": ("<u2", 0x7F80), "float8_e5m2": ("u1", 0x7C), "float8_e4m3fn": ("u1", 0x7F), "float8_e8m0fnu": ("u1", 0xFF),
}
"""The bits that are all set in NaN and infinity, and in no number; E4M3 has no infinity, and one NaN of either sign."""


def finite(row: Row) -> Row:
    """The row with data that raise EdgeError on the way where they hold NaN or infinity."""
    return replace(row, data=_Watched(row)) if row.dtype in _EXPONENTS else row


def check_finite(rows: Iterable[Row]) -> None:
    """EdgeError that names the first row with a weight that is NaN or infinite; 8 MB are held at a time."""
    for row in rows:
        for _ in _Watched(row) if row.dtype in _EXPONENTS else ():
            pass


@dataclass(frozen=True)
class _Watched:
    row: Row

    def __iter__(self) -> Iterator[memoryview]:
        kind, exponent = _EXPONENTS[self.row.dtype]
        for piece in self.row.pieces():
            values = np.frombuffer(piece, kind)
            if count := int(np.count_nonzero((values & values.dtype.type(exponent)) == exponent)):
                raise EdgeError(f"{self.row.name}: expected finite weights, found {count} NaN or infinite; train or download it again")
            yield piece
