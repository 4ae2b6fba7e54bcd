"""Write weights to a Parquet file, one tensor a row group and never one whole in memory."""

from __future__ import annotations

import io
import os
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import EdgeError, told
from pipeline.formats.parquet.columns import V1, Row, check_name, check_scales, dtype_name, quant_name
from pipeline.formats.parquet.page import CODECS, LARGEST, Written, write_page
from pipeline.formats.parquet.thrift import BINARY, I16, I32, I64, LIST, STRUCT, Struct, decode, encode

MAGIC = b"PAR1"
LENGTH = struct.Struct("<I")
ORDINALS = 2**15
V1_SCHEMA = pa.schema([
    pa.field("layer_name", pa.string(), nullable=False),
    pa.field("shape", pa.list_(pa.field("element", pa.int32(), nullable=False)), nullable=False),
    pa.field("dtype", pa.string(), nullable=False),
    pa.field("data", pa.large_binary(), nullable=False),
    pa.field("num_params", pa.int64(), nullable=False),
])
V2_SCHEMA = pa.schema([
    *V1_SCHEMA,
    pa.field("quant_type", pa.string(), nullable=False),
    pa.field("scales", pa.binary()),
    pa.field("zero_points", pa.binary()),
    pa.field("quant_axis", pa.int32(), nullable=False),
    pa.field("group_size", pa.int32(), nullable=False),
])
DATA = V1.index("data")


class ParquetWriter:
    """A context: ``add`` rows, and the file appears whole when the context ends without an exception, else not at all.

    pyarrow writes all that is small, a file of one row for each tensor, and its footer; only the page with the weights is ours
    (`page.py`).  EdgeError for what does not fit the form, a name that was there before, or a disk that refuses.
    """

    def __init__(self, path: Path, *, version: int = 1, compression: str = "zstd") -> None:
        if compression not in CODECS:
            raise EdgeError(f"expected a compression of {', '.join(CODECS)}, found {compression!r}; choose one")
        if version not in (1, 2):
            raise EdgeError(f"expected version 1 or 2 of the columns, found {version}; choose one")
        if path.exists():
            raise EdgeError(f"{path}: expected no file yet, found one; remove it or name another")
        self._path, self._codec, self._schema = path, compression, (V1_SCHEMA, V2_SCHEMA)[version - 1]
        self._names: set[str] = set()
        self._groups: list[Struct] = []
        self._footer: Struct = self._shell(None)[1]

    def __enter__(self) -> ParquetWriter:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
        except OSError as error:
            raise EdgeError(f"expected to write {self._path}, found {told(error)}; check the folder") from None
        self._part, self._file = Path(name), os.fdopen(handle, "wb")
        self._file.write(MAGIC)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._finish()
        except OSError as refused:
            raise self._refused(refused) from None
        finally:
            try:
                self._file.close()
            except OSError:  # what was still to be written does not fit either
                pass
            self._part.unlink(missing_ok=True)

    def add(self, row: Row) -> None:
        """Append a tensor as a row group of its own."""
        _check(row)
        if row.name in self._names:
            raise EdgeError(f"{row.name}: expected each tensor once, found it twice; rename one")
        self._names.add(row.name)
        shell, footer = self._shell(row)
        group = footer[4][1][1][0]
        try:
            self._place(row, shell, group)
        except ValueError as error:
            raise EdgeError(f"{row.name}: expected {row.nbytes} bytes for shape {list(row.shape)} of {row.dtype}, found {error}; "
                            "copy or build the model again") from None
        except OSError as error:
            raise self._refused(error) from None
        if len(self._groups) < ORDINALS:
            group[7] = (I16, len(self._groups))
        else:
            group.pop(7, None)
        self._groups.append(group)

    def describe(self, metadata: Mapping[str, bytes]) -> None:
        """Add to the file's metadata."""
        pairs = [{1: (BINARY, key.encode()), 2: (BINARY, value)} for key, value in metadata.items()]
        self._footer[5][1][1].extend(pairs)

    def _shell(self, row: Row | None) -> tuple[bytes, Struct]:
        """A whole Parquet file with the row but for its data, and its footer."""
        out = io.BytesIO()
        table = pa.Table.from_pylist([] if row is None else [_columns(row)], self._schema)
        pq.write_table(table, out, compression="NONE", use_dictionary=False, write_statistics=False)
        shell = out.getvalue()
        end = len(shell) - LENGTH.size - len(MAGIC)
        return shell, decode(shell, end - LENGTH.unpack(shell[end : end + LENGTH.size])[0])[0]

    def _place(self, row: Row, shell: bytes, group: Struct) -> None:
        """Copy the row's small pages, write the large one, and say in ``group`` where they are."""
        for number, chunk in enumerate(group[1][1][1]):
            facts: Struct = chunk[3][1]
            if number == DATA:
                page = write_page(self._file, row.pieces(), row.nbytes, self._codec)
                facts[4] = (I32, CODECS[self._codec])
                facts.pop(16, None)  # sizes of the value that is not there
            else:
                start, length = facts[9][1], facts[7][1]
                page = Written(self._file.tell(), length, facts[6][1])
                self._file.write(shell[start : start + length])
            facts[9], facts[7], facts[6] = (I64, page.offset), (I64, page.stored), (I64, page.plain)
        facts = [chunk[3][1] for chunk in group[1][1][1]]
        group[2] = (I64, sum(one[6][1] for one in facts))
        group[5] = (I64, facts[0][9][1])
        group[6] = (I64, sum(one[7][1] for one in facts))

    def _finish(self) -> None:
        footer = encode({**self._footer, 3: (I64, len(self._groups)), 4: (LIST, (STRUCT, self._groups))})
        self._file.write(footer + LENGTH.pack(len(footer)) + MAGIC)
        self._file.close()
        self._part.chmod(0o644)
        os.replace(self._part, self._path)

    def _refused(self, error: OSError) -> EdgeError:
        return EdgeError(f"{self._path}: expected to write the file, found {error.strerror or error}; free space or check the folder")


def _check(row: Row) -> None:
    check_name(row.name)
    dtype_name(row.dtype)
    check_scales(row)
    if row.nbytes > LARGEST:
        raise EdgeError(f"{row.name}: expected at most {LARGEST} bytes in a row, found {row.nbytes}; split it")
    if any(size >= 2**31 for size in row.shape):
        raise EdgeError(f"{row.name}: expected sizes that an int32 holds, found shape {list(row.shape)}; reshape it")


def _columns(row: Row) -> dict[str, Any]:
    return {"layer_name": row.name, "shape": list(row.shape), "dtype": row.dtype, "data": b"", "num_params": row.num_params,
            "quant_type": row.quant_type or quant_name(row.dtype), "scales": row.scales, "zero_points": row.zero_points,
            "quant_axis": row.quant_axis, "group_size": row.group_size}
