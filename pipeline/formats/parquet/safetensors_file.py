"""safetensors as bytes: where each tensor lies in a file, and a file written piece by piece.

https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil, prod
from pathlib import Path

from safetensors import SafetensorError, safe_open

from pipeline.errors import EdgeError, told
from pipeline.formats.parquet.columns import PIECE, SAFETENSORS, Row, bits, dtype_name

LENGTH = struct.Struct("<Q")
METADATA = "__metadata__"
Sizes = dict[str, tuple[str, tuple[int, ...]]]
"""Type and shape by name."""


@dataclass(frozen=True)
class Stored:
    """The bytes of one tensor in a file, read in pieces each time they are iterated over."""

    file: Path
    at: int
    size: int

    def __iter__(self) -> Iterator[memoryview]:
        with self.file.open("rb") as file:
            file.seek(self.at)
            left = self.size
            while left:
                piece = file.read(min(left, PIECE))
                if not piece:
                    raise ValueError(f"{self.size - left} bytes")
                left -= len(piece)
                yield memoryview(piece)


@dataclass(frozen=True)
class Header:
    """``rows``: the tensors in the order of their bytes.  ``metadata``: the file's own, None where it has none."""

    rows: list[Row]
    metadata: dict[str, str] | None


def read_header(file: Path) -> Header:
    """EdgeError for a file that is missing, truncated or no safetensors, or holds a type not known."""
    try:
        with safe_open(file, "numpy"):  # the library has looked at lengths and offsets
            pass
        with file.open("rb") as stream:
            length = LENGTH.unpack(stream.read(LENGTH.size))[0]
            entries = json.loads(stream.read(length))
    except (SafetensorError, OSError, ValueError) as error:
        found = told(error) if isinstance(error, OSError) else error
        raise EdgeError(f"expected whole weights in {file}, found: {found}; copy or build it again") from None
    metadata = entries.pop(METADATA, None)
    start = LENGTH.size + length
    rows = [Row(name, tuple(entry["shape"]), dtype_name(entry["dtype"]), Stored(file, start + begin, end - begin))
            for name, entry in entries.items() for begin, end in [entry["data_offsets"]]]
    return Header(sorted(rows, key=lambda row: row.data.at), metadata)  # type: ignore[union-attr]


def write_file(file: Path, rows: Iterable[Row], sizes: Sizes, metadata: Mapping[str, str] | None) -> None:
    """Write rows as they come; ``sizes``: of each, known before, in the same order.

    The bytes are those that the library would write for tensors in this order.
    """
    header: dict[str, object] = {} if metadata is None else {METADATA: dict(metadata)}
    at = 0
    for name, (dtype, shape) in sizes.items():
        end = at + ceil(prod(shape) * bits(dtype) / 8)
        header[name] = {"dtype": SAFETENSORS[dtype], "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with file.open("xb") as out:
        out.write(LENGTH.pack(len(text)) + text)
        for row in rows:
            for piece in row.pieces():
                out.write(piece)

