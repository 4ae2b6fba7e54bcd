"""Read weights from a Parquet file, row by row: ours, and those of other writers of the same columns."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import replace
from math import ceil, prod
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import EdgeError, told
from pipeline.formats.parquet.columns import V1, V2, Row, bits, check_name, check_scales, dtype_name, quant_name
from pipeline.formats.parquet.page import Page, find_page
from pipeline.regular_file import check_regular_file

FOOTER, ROWS, SMALL = 128 << 20, 1 << 20, 256 << 20
"""Bytes of a footer, rows, and bytes of all columns but the data's, at most: beyond these a file means harm."""
_SLACK = 1 << 20
_LENGTH = struct.Struct("<I")


class ParquetReader:
    """A context.  ``names``: of the rows, in their order.  EdgeError for a file that is none of weights, or is damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            check_regular_file(path, "weights in Parquet")
            _check_footer(path)
            self._parquet = pq.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise _damaged(path, error) from None
        self._facts = self._parquet.metadata
        self.version = 2 if "quant_type" in self._parquet.schema_arrow.names else 1
        self.metadata: dict[str, bytes] = {key.decode("utf-8", "replace"): value for key, value in (self._facts.metadata or {}).items()}
        self._check_columns()
        self._small = self._read_small()
        self.names = [row["layer_name"] for row in self._small]
        self._numbers = {name: number for number, name in enumerate(self.names)}
        self._check_rows()
        self._groups = [(group, number) for group in range(self._facts.num_row_groups)
                        for number in range(self._facts.row_group(group).num_rows)]
        self._file = path.open("rb")

    def __enter__(self) -> ParquetReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
        self._parquet.close()

    def __contains__(self, name: object) -> bool:
        return name in self._numbers

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._small[self._number(name)]["shape"])

    def row(self, name: str) -> Row:
        """The row; of a row that is alone in its group only the head of its page is read, and the data when it is asked for."""
        number = self._number(name)
        group, place = self._groups[number]
        if (page := self._page(group)) is not None:
            return self._row(number, page, page.size)
        values = self._values(group)
        return next(self._row(number, value, len(value)) for index, value in enumerate(values) if index == place)

    def rows(self) -> Iterator[Row]:
        """All rows, each group read once."""
        number = 0
        for group in range(self._facts.num_row_groups):
            page = self._page(group)
            for value in self._values(group) if page is None else [page]:
                yield self._row(number, value, value.size if isinstance(value, Page) else len(value))
                number += 1

    def _number(self, name: str) -> int:
        if name not in self._numbers:
            raise EdgeError(f"{self.path}: expected a tensor of the file, found {name[:80]!r}; `names()` lists them")
        return self._numbers[name]

    def _page(self, group: int) -> Page | None:
        """The one value of a group, where it lies in the file; None where only pyarrow can find it."""
        if self._facts.row_group(group).num_rows != 1 or self._parquet.schema.column(self._data).max_definition_level:
            return None
        return find_page(self.path, self._file, self._facts.row_group(group).column(self._data))

    def _values(self, group: int) -> Iterator[memoryview]:
        """The data of a group, decoded by pyarrow: it holds the pages that the values are in."""
        self._refuse_bomb(group)
        try:
            for batch in self._parquet.iter_batches(1, row_groups=[group], columns=["data"], use_threads=False):
                value = batch.column(0)[0]
                yield memoryview(value.as_buffer() if value.is_valid else b"")
        except (OSError, pa.ArrowException) as error:
            raise _damaged(self.path, error) from None

    def _refuse_bomb(self, group: int) -> None:
        """EdgeError where pages would unfold to more than the rows say."""
        first = sum(self._facts.row_group(number).num_rows for number in range(group))
        count = self._facts.row_group(group).num_rows
        said = sum(max(_sizes(row)) for row in self._small[first : first + count])
        if (found := self._facts.row_group(group).column(self._data).total_uncompressed_size) > said + _SLACK + 64 * count:
            raise EdgeError(f"{self.path}: expected at most {said} bytes of weights in row group {group}, found pages of {found}; "
                            "do not use this file")

    def _row(self, number: int, data: Page | memoryview, size: int) -> Row:
        """The row with the type that its bytes have; EdgeError where they fit none, or the scales do not fit the groups."""
        small, name = self._small[number], self.names[number]
        label, shape = dtype_name(small["dtype"]), tuple(small["shape"])
        stored = _stored_as(small, label, shape, size)
        if stored is None:
            raise EdgeError(f"{self.path}: {name}: expected {_sizes(small)[0]} bytes for shape {list(shape)} of {label}, found {size}; "
                            "make the file again")
        axis = small.get("quant_axis")
        row = Row(name, shape, label, data, small.get("quant_type") or quant_name(stored[0]), *self._scales(number),
                  -1 if axis is None else axis, small.get("group_size") or 0)
        check_scales(row)
        return replace(row, dtype=stored[0], shape=stored[1])

    def _scales(self, number: int) -> tuple[bytes | None, bytes | None]:
        if not {"scales", "zero_points"} <= set(self._parquet.schema_arrow.names):
            return None, None
        group, place = self._groups[number]
        try:
            found = self._parquet.read_row_group(group, ["scales", "zero_points"], use_threads=False).slice(place, 1).to_pylist()[0]
        except (OSError, pa.ArrowException) as error:
            raise _damaged(self.path, error) from None
        return _float32(found["scales"]), _float32(found["zero_points"])

    def _check_columns(self) -> None:
        schema = self._parquet.schema_arrow
        asked = V2 if self.version == 2 else V1
        if missing := [name for name in asked if name not in schema.names]:
            raise EdgeError(f"{self.path}: expected weights in the columns {', '.join(asked)}, found none of {', '.join(missing)}; "
                            "name a Parquet file of weights")
        for name, kind in (("layer_name", _is_text), ("dtype", _is_text), ("data", _is_binary), ("shape", _is_integers),
                           ("num_params", pa.types.is_integer)):
            if not kind(schema.field(name).type):
                raise EdgeError(f"{self.path}: expected column {name} as documented, found {schema.field(name).type}; make the file again")
        if schema.names.count("data") > 1 or schema.names.count("layer_name") > 1:
            raise EdgeError(f"{self.path}: expected each column once, found one twice; make the file again")
        if not 0 < self._facts.num_rows <= ROWS:
            raise EdgeError(f"{self.path}: expected 1 to {ROWS} rows of weights, found {self._facts.num_rows}; name another file")
        self._data = next(number for number in range(self._facts.num_columns) if self._parquet.schema.column(number).path == "data")

    def _read_small(self) -> list[dict[str, Any]]:
        """The columns that say what the tensors are."""
        names = [name for name in V2 if name in self._parquet.schema_arrow.names and name not in ("data", "scales", "zero_points")]
        total = 0
        for group in range(self._facts.num_row_groups):
            chunks = [self._facts.row_group(group).column(number) for number in range(self._facts.num_columns)]
            total += sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema.split(".")[0] in names)
        if total > SMALL:
            raise EdgeError(f"{self.path}: expected small columns beside the data, found {total} bytes; do not use this file")
        try:
            return self._parquet.read(names, use_threads=False).to_pylist()
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            raise _damaged(self.path, error) from None

    def _check_rows(self) -> None:
        if len(self._numbers) != len(self.names):
            twice = next(name for number, name in enumerate(self.names) if self._numbers[name] != number)
            raise EdgeError(f"{self.path}: expected each tensor once, found {str(twice)[:80]} twice; make the file again")
        for row in self._small:
            if None in (row["layer_name"], row["shape"], row["dtype"]) or None in row["shape"] or min(row["shape"], default=0) < 0:
                raise EdgeError(f"{self.path}: expected name, shape and type in each row, found {str(row)[:99]}; make the file again")
            check_name(row["layer_name"])
            if row["num_params"] not in (None, prod(row["shape"])):
                raise EdgeError(f"{self.path}: {row['layer_name']}: expected num_params of shape {row['shape']}, found "
                                f"{row['num_params']}; make the file again")


def _stored_as(small: dict[str, Any], label: str, shape: tuple[int, ...], size: int) -> tuple[str, tuple[int, ...]] | None:
    """Type and shape of a row with ``size`` bytes of data; None where neither label nor quant_type explains them.

    The old converter kept float32 bytes under the label bfloat16.  Where the label is the type before quantisation, the data are
    codes: of 8 bits in the tensor's shape, or packed as a vector of bytes.
    """
    count, quant = prod(shape), small.get("quant_type") or ""
    if size == ceil(count * bits(label) / 8):
        return label, shape
    if label == "bfloat16" and size == 4 * count:
        return "float32", shape
    if quant.startswith(("int", "uint")) and bits(quant) <= 8 and size == ceil(count * bits(quant) / 8):
        return (quant, shape) if bits(quant) == 8 else ("uint8", (size,))
    return None


def _sizes(small: dict[str, Any]) -> list[int]:
    """Bytes that a row's data may have, the one of its label first."""
    count, label = prod(small["shape"]), dtype_name(small["dtype"])
    quant = min(bits(label), bits(small.get("quant_type") or label))
    return [ceil(count * bits(label) / 8), ceil(count * quant / 8), *([4 * count] if label == "bfloat16" else [])]


def _float32(values: bytes | list[float] | None) -> bytes | None:
    """As float32 bytes; some old files hold a list of numbers.  None for no values."""
    return np.asarray(values, np.float32).tobytes() if isinstance(values, list) and values else values or None


def _check_footer(path: Path) -> None:
    """EdgeError for a file that does not end as Parquet does, or whose footer is too large to be read."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(max(0, size - 8), os.SEEK_SET)
        tail = file.read(8)
    if size < 12 or head != b"PAR1" or tail[4:] != b"PAR1":
        found = "an empty file" if not size else "a truncated file" if head == b"PAR1" else "another kind of file"
        raise EdgeError(f"{path}: expected weights in Parquet, found {found}; copy or convert it again")
    if (length := _LENGTH.unpack(tail[:4])[0]) > min(FOOTER, size):
        raise EdgeError(f"{path}: expected a footer of at most {min(FOOTER, size)} bytes, found {length}; do not use this file")


def _damaged(path: Path, error: Exception) -> EdgeError:
    reason = told(error) if isinstance(error, OSError) else str(error)
    return EdgeError(f"{path}: expected weights in Parquet, found: {reason[:200]}; copy or convert it again")


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _is_integers(kind: pa.DataType) -> bool:
    return (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and pa.types.is_integer(kind.value_type)
