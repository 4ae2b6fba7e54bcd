"""The forms that are compared, each with the same actions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol


class Form(Protocol):
    name: str

    def write(self, source: Path, out: Path) -> None: ...
    def all(self, path: Path) -> Iterator[Any]: ...
    def one(self, path: Path, name: str) -> Any: ...


class Safetensors:
    """The library itself: a model that is loaded, mapped, and saved again."""

    name = "safetensors"

    def write(self, source: Path, out: Path) -> None:
        from safetensors.torch import load_file, save_file

        save_file(load_file(source / "model.safetensors"), out)

    def all(self, path: Path) -> Iterator[Any]:
        from safetensors import safe_open

        with safe_open(path, "pt") as file:
            for name in file.keys():
                yield file.get_tensor(name)

    def one(self, path: Path, name: str) -> Any:
        from safetensors import safe_open

        with safe_open(path, "pt") as file:
            return file.get_tensor(name)


class Parquet:
    """`pipeline.formats.parquet`."""

    def __init__(self, compression: str) -> None:
        self.name, self._compression = f"Parquet, {compression}", compression

    def write(self, source: Path, out: Path) -> None:
        from pipeline.formats.parquet.convert import to_parquet

        to_parquet(source, out, compression=self._compression)

    def all(self, path: Path) -> Iterator[Any]:
        from pipeline.formats.parquet.loader import WeightLoader

        with WeightLoader(path) as loader:
            for name in loader.names():
                yield loader.tensor(name)

    def one(self, path: Path, name: str) -> Any:
        from pipeline.formats.parquet.loader import WeightLoader

        with WeightLoader(path) as loader:
            return loader.tensor(name)


class Pyarrow:
    """The same columns by pyarrow alone, a row group a tensor."""

    def __init__(self, compression: str) -> None:
        self.name, self._compression = f"pyarrow alone, {compression}", compression

    def write(self, source: Path, out: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq
        import torch
        from safetensors import safe_open

        from pipeline.formats.parquet.write import V1_SCHEMA

        with safe_open(source / "model.safetensors", "pt") as file, pq.ParquetWriter(
                out, V1_SCHEMA, compression=self._compression, use_dictionary=False, write_statistics=False) as writer:
            for name in file.keys():
                tensor = file.get_tensor(name)
                data = pa.py_buffer(memoryview(tensor.view(-1).view(torch.uint8).numpy()))
                value = pa.LargeBinaryArray.from_buffers(pa.large_binary(), 1, [None, _offsets(data.size), data])
                columns = [[name], [list(tensor.shape)], [str(tensor.dtype).removeprefix("torch.")], value, [tensor.numel()]]
                writer.write_table(pa.Table.from_arrays([column if isinstance(column, pa.Array) else pa.array(column, field.type)
                                                         for column, field in zip(columns, V1_SCHEMA, strict=True)], schema=V1_SCHEMA))

    def all(self, path: Path) -> Iterator[Any]:
        import pyarrow.parquet as pq

        file = pq.ParquetFile(path)
        for group in range(file.metadata.num_row_groups):
            yield _tensor(file, group)

    def one(self, path: Path, name: str) -> Any:
        import pyarrow.parquet as pq

        file = pq.ParquetFile(path)
        return _tensor(file, file.read(["layer_name"])["layer_name"].to_pylist().index(name))


FORMS: dict[str, Callable[[], Form]] = {
    "safetensors": Safetensors,
    "none": lambda: Parquet("none"),
    "zstd": lambda: Parquet("zstd"),
    "pyarrow-none": lambda: Pyarrow("none"),
    "pyarrow-zstd": lambda: Pyarrow("zstd"),
}


def _tensor(file: Any, group: int) -> Any:
    import torch

    row = file.read_row_group(group, ["shape", "dtype", "data"])
    data, dtype = row["data"].chunk(0)[0].as_buffer(), getattr(torch, row["dtype"][0].as_py())
    return torch.frombuffer(bytearray(data), dtype=dtype).reshape(row["shape"][0].as_py())


def _offsets(size: int) -> Any:
    import numpy as np
    import pyarrow as pa

    return pa.py_buffer(np.array([0, size], np.int64))

