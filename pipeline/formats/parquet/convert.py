"""A Hugging Face directory as a Parquet file of weights, and back, bit for bit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from pipeline.errors import EdgeError, told
from pipeline.formats.parquet import files
from pipeline.formats.parquet.columns import Row
from pipeline.formats.parquet.finite import finite
from pipeline.formats.parquet.layout import Layout, Shard, index, joined, parts, read_layout, resharded
from pipeline.formats.parquet.quantised import SCALE, ZERO_POINT, labelled, method
from pipeline.formats.parquet.read import ParquetReader
from pipeline.formats.parquet.safetensors_file import Header, Sizes, read_header, write_file
from pipeline.formats.parquet.write import ParquetWriter
from pipeline.progress import Tracker, track
from pipeline.runtime.files import read_object
from pipeline.train.weights import weight_files


def to_parquet(directory: Path, out: Path, *, compression: str = "zstd", version: int | None = None, check: bool = False) -> None:
    """Write the weights of ``directory`` and its small files to ``out``; a few pieces of 8 MB are held at a time.

    compression: of the weights, zstd, gzip or none (what is not compressed can be used where it lies).  version: of the columns; None
    for 2 where the checkpoint is quantised and 1 where not.  check: refuse weights that are no numbers.
    EdgeError for a checkpoint that is damaged or not whole, and for a disk that refuses; ``out`` is then not there.
    """
    if not directory.is_dir():
        raise EdgeError(f"{directory}: expected a model directory, found none; check the path")
    headers = _headers(directory)
    rows = [row for header in headers.values() for row in header.rows]
    layout = Layout([Shard(name, len(header.rows), header.metadata) for name, header in headers.items()], {}, method(directory, rows))
    version = version or (2 if layout.quantised else 1)
    metadata = files.pack(directory)
    with ParquetWriter(out, version=version, compression=compression) as writer, track("tensors", len(rows)) as bar:
        for row in labelled(directory, rows) if version == 2 else rows:
            for part in parts(row):
                if part is not row:
                    layout.split[row.name] = list(row.shape)
                writer.add(finite(part) if check else part)
            bar.advance(note=f"{row.nbytes / 1e6:.0f} MB")
        writer.describe(layout.packed() | metadata)


def to_directory(parquet: Path, out: Path, *, shard_size: int | None = None, check: bool = False) -> None:
    """Write the weights as safetensors, and the small files that the Parquet file holds, to the new directory ``out``.

    shard_size: bytes of a file at most; None for the files that the model had.  A file of another program has weights alone: its
    scales become tensors NAME_scale and NAME_zero_point.
    EdgeError for a file that is damaged or none of weights, and for a disk that refuses; ``out`` is then not there.
    """
    with ParquetReader(parquet) as reader:
        layout, small = read_layout(reader.metadata), files.unpack(reader.metadata)
        sizes: Sizes = {row.name: (row.dtype, row.shape) for row in _tensors(reader, layout)}
        shards = layout.shards if layout and shard_size is None else resharded(sizes, shard_size)
        if sum(shard.tensors for shard in shards) != len(sizes) or any(shard.tensors < 0 for shard in shards):
            raise EdgeError(f"{parquet}: expected the {len(sizes)} tensors in its layout, found others; convert the model again")
        if layout is None or shard_size is not None:
            small.pop(files.INDEX, None)
            if len(shards) > 1:
                small[files.INDEX] = index(shards, sizes).encode()
        with new_directory(out) as part, track("tensors", len(sizes)) as bar:
            for name, content in small.items():
                (part / name).write_bytes(content)
            rows, names = _shown(_tensors(reader, layout), bar, check), iter(sizes)
            for shard in shards:
                own = {name: sizes[name] for name in islice(names, shard.tensors)}
                write_file(part / shard.name, islice(rows, shard.tensors), own, shard.metadata)


@contextmanager
def new_directory(out: Path) -> Iterator[Path]:
    """A folder to fill that becomes ``out`` at the end, and is gone after an exception; EdgeError where ``out`` is there already."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise EdgeError(f"{out}: expected no directory yet, or an empty one, found one; remove it or name another")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as scratch:
            part = Path(scratch, "part")
            part.mkdir()
            yield part
            part.rename(out)
    except OSError as error:
        raise EdgeError(f"expected to write {out}, found {told(error)}; free space or check the folder") from None


def left_out(directory: Path) -> list[str]:
    """Names in a model directory that are neither weights nor files that are carried."""
    weights = {file.name for file in weight_files(directory)}
    return [file.name for file in sorted(directory.iterdir()) if file.name not in weights and not files.carried(file)]


def _headers(directory: Path) -> dict[str, Header]:
    """By file; EdgeError where the index of a sharded model and its files do not say the same."""
    headers = {file.name: read_header(file) for file in weight_files(directory)}
    if (directory / "model.safetensors").is_file():
        return headers
    named = read_object(directory / files.INDEX, "the index of a sharded model")["weight_map"]
    held = {row.name: file for file, header in headers.items() for row in header.rows}
    if wrong := sorted(set(named.items()) ^ set(held.items())):
        name = wrong[0][0]
        raise EdgeError(f"{directory / files.INDEX}: expected {name} in {named.get(name, 'no file')}, found it in "
                        f"{held.get(name, 'none')}; download the model again")
    if stray := sorted(file.name for file in directory.glob("model-*-of-*.safetensors") if file.name not in headers):
        raise EdgeError(f"{directory / files.INDEX}: expected all shards, found none of {stray[0]}; download the model again")
    return headers


def _tensors(reader: ParquetReader, layout: Layout | None) -> Iterator[Row]:
    """All tensors; of a file of another program with scales and zero points as tensors of their own."""
    if layout is not None:
        yield from joined(reader.rows(), layout.split)
        return
    for row in reader.rows():
        yield row
        for ending, values in ((SCALE, row.scales), (ZERO_POINT, row.zero_points)):
            if values is not None and row.name + ending not in reader:
                yield Row(row.name + ending, (len(values) // 4,), "float32", values)


def _shown(rows: Iterator[Row], bar: Tracker, check: bool) -> Iterator[Row]:
    for row in rows:
        yield finite(row) if check else row
        bar.advance(note=f"{row.nbytes / 1e6:.0f} MB")
