"""A value of the data column: one page of Parquet that holds one value, written and read piece by piece.

pyarrow holds a value three times while it writes or reads it.  Here it is never held whole, and one that is not compressed begins at
a multiple of 64 bytes, so that it can be used where it lies in the mapped file.
https://github.com/apache/parquet-format (PageHeader, "Plain encoding").
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from pipeline.errors import EdgeError
from pipeline.formats.parquet.columns import PIECE
from pipeline.formats.parquet.thrift import I32, STRUCT, Struct, decode, encode

CODECS = {"none": 0, "gzip": 2, "zstd": 6}
"""Parquet's numbers of those that can be written."""
LARGEST = 2**31 - 1 - 4
"""Bytes of one value: a page's size is a positive int32, and four of its bytes are the value's length."""
LENGTH = struct.Struct("<I")
ALIGNED, ROOM = 64, 64
DATA_PAGE, PLAIN, RLE = 0, 0, 3


@dataclass(frozen=True)
class Written:
    """Where a page begins, and its bytes with its header as stored and before compression."""

    offset: int
    stored: int
    plain: int


def write_page(file: BinaryIO, pieces: Iterable[memoryview], size: int, codec: str) -> Written:
    """Append a page with one value of ``size`` bytes; ValueError where the pieces are not as many."""
    body = -(-(file.tell() + ROOM + LENGTH.size) // ALIGNED) * ALIGNED - LENGTH.size
    file.seek(body)
    given = 0
    with _compressing(file, codec) as sink:
        sink.write(LENGTH.pack(size))
        for piece in pieces:
            given += len(piece)
            if given <= size:
                sink.write(piece)
    if given != size:
        raise ValueError(f"{given} bytes")
    end = file.tell()
    head = encode(_header(LENGTH.size + size, end - body))
    file.seek(body - len(head))
    file.write(head)
    file.seek(end)
    return Written(body - len(head), len(head) + end - body, len(head) + LENGTH.size + size)


@dataclass(frozen=True)
class Page:
    """A value in a file: ``at``, ``stored``: its page's bytes, of ``codec``.  ``size``: of the value."""

    path: Path
    at: int
    stored: int
    size: int
    codec: str

    def __iter__(self) -> Iterator[memoryview]:
        """The value in pieces; EdgeError where the page does not hold it."""
        try:
            yield from self._pieces()
        except (OSError, ValueError, pa.ArrowException) as error:
            raise self._damaged(error) from None

    def _pieces(self) -> Iterator[memoryview]:
        file = pa.OSFile(str(self.path))
        file.seek(self.at)
        with file if self.codec == "none" else pa.CompressedInputStream(file, self.codec) as source:
            self._check_length(source.read(LENGTH.size))
            left = self.size
            while left:
                piece = source.read_buffer(min(left, PIECE))
                if not piece.size:
                    raise ValueError(f"{self.size - left} bytes")
                left -= piece.size
                yield memoryview(piece)

    def mapped(self) -> memoryview:
        """The value where it lies, private and writable as torch wants it; only for codec none."""
        start = self.at // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
        with self.path.open("rb") as file:
            whole = memoryview(mmap.mmap(file.fileno(), self.at + self.stored - start, access=mmap.ACCESS_COPY, offset=start))
        page = whole[self.at - start :]
        try:
            self._check_length(page[: LENGTH.size])
        except ValueError as error:
            raise self._damaged(error) from None
        return page[LENGTH.size :]

    def _damaged(self, error: Exception) -> EdgeError:
        return EdgeError(f"{self.path}: expected a value of {self.size} bytes at {self.at}, found {error}; copy or convert it again")

    def _check_length(self, length: bytes | memoryview) -> None:
        if len(length) != LENGTH.size or LENGTH.unpack(length)[0] != self.size:
            raise ValueError("another length before it")


def find_page(path: Path, file: BinaryIO, chunk: Any) -> Page | None:
    """The page of a column chunk (pyarrow's ColumnChunkMetaData) with one value that is required; None for any other form."""
    codec = {"UNCOMPRESSED": "none", "GZIP": "gzip", "ZSTD": "zstd"}.get(chunk.compression)
    if codec is None or chunk.num_values != 1 or chunk.has_dictionary_page or not 0 < chunk.data_page_offset < path.stat().st_size:
        return None
    file.seek(chunk.data_page_offset)
    try:
        header, length = decode(file.read(4 * ROOM))
        kind, size, stored, values = header[1][1], header[2][1], header[3][1], header[5][1]
        plain = (kind, values[1][1], values[2][1]) == (DATA_PAGE, 1, PLAIN)
    except (ValueError, KeyError, TypeError):
        return None
    if not plain or length + stored != chunk.total_compressed_size or size < LENGTH.size:
        return None
    at = chunk.data_page_offset + length
    if stored < 0 or at + stored > path.stat().st_size or codec == "none" and stored != size:
        return None
    return Page(path, at, stored, size - LENGTH.size, codec)


def _header(plain: int, stored: int) -> Struct:
    values: Struct = {1: (I32, 1), 2: (I32, PLAIN), 3: (I32, RLE), 4: (I32, RLE)}
    return {1: (I32, DATA_PAGE), 2: (I32, plain), 3: (I32, stored), 5: (STRUCT, values)}


def _compressing(file: BinaryIO, codec: str) -> AbstractContextManager[Any]:
    return nullcontext(file) if codec == "none" else pa.CompressedOutputStream(pa.PythonFile(_KeptOpen(file), "w"), codec)


class _KeptOpen:
    """A file that its wrapper may not close."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self.write, self.flush, self.tell = file.write, file.flush, file.tell

    def close(self) -> None:
        self.closed = True
