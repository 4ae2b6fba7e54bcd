"""weight.bin: the weights beside a Core ML program.

64 bytes of header (number of blobs, version 2), then for each blob 64 bytes that tell its type, its size and where its bytes
start.  The layout is that of coremltools' MILBlob/Blob/StorageFormat.hpp.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from pipeline.errors import EdgeError, told
from pipeline.formats.mil_types import TYPES, stored_bytes
from pipeline.regular_file import check_regular_file

ENTRY = struct.Struct("<IIQQQ4Q")  # sentinel, type, bytes, where they start, bits of padding, reserved
HEADER = struct.Struct("<II56x")
SENTINEL, VERSION = 0xDEADBEEF, 2


class WeightFile:
    """A weight.bin, mapped: only the pages that are looked at are read."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            check_regular_file(file, "the weights of a Core ML program")
            if file.stat().st_size < HEADER.size:
                raise self._broken("a header", f"{file.stat().st_size} bytes")
            self._bytes = np.memmap(file, np.uint8, "r")
        except OSError as error:
            raise EdgeError(f"expected the weights of a Core ML program, found {told(error)}; copy or build it again") from None
        count, version = HEADER.unpack(self._bytes[: HEADER.size].tobytes())
        if version != VERSION or count * ENTRY.size > len(self._bytes):
            raise self._broken(f"version {VERSION} and as many blobs as fit", f"version {version} and {count} blobs")

    def blob(self, offset: int, dtype: str, count: int) -> np.ndarray:
        """uint8 view of the ``count`` elements of ``dtype`` whose entry is at ``offset``; EdgeError when something else is there."""
        if offset % 64 or not HEADER.size <= offset <= len(self._bytes) - ENTRY.size:
            raise self._broken(f"an entry within {len(self._bytes)} bytes", f"offset {offset}")
        sentinel, code, size, start, *_ = ENTRY.unpack(self._bytes[offset : offset + ENTRY.size].tobytes())
        expected = TYPES[dtype].blob, stored_bytes(dtype, count)
        if sentinel != SENTINEL or not code or (code, size) != expected:
            raise self._broken(f"{count} values of {dtype} (type {expected[0]}, {expected[1]} bytes) at {offset}",
                               f"type {code}, {size} bytes" if sentinel == SENTINEL else "no entry")
        if start < HEADER.size or start + size > len(self._bytes):
            raise self._broken(f"the {size} bytes of the entry at {offset} within {len(self._bytes)}", f"them at {start}")
        return self._bytes[start : start + size]

    def _broken(self, expected: str, found: str) -> EdgeError:
        return EdgeError(f"{self._file}: expected {expected}, found {found}; copy or build it again")
