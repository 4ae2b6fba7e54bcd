"""How the tensors of a Parquet file are spread over the safetensors of a directory, and tensors too large for one row."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from math import ceil, prod
from typing import Any

from pipeline.errors import EdgeError
from pipeline.formats.parquet.columns import Row, bits
from pipeline.formats.parquet.page import LARGEST
from pipeline.formats.parquet.safetensors_file import Sizes, Stored

KEY = "edge.weights"
PART = "{name}#part{number}"
_FILE = re.compile(r"[A-Za-z0-9][\w.-]*\.safetensors", re.ASCII)


@dataclass(frozen=True)
class Shard:
    """``tensors``: how many of the following rows.  ``metadata``: of the safetensors file."""

    name: str
    tensors: int
    metadata: dict[str, str] | None


@dataclass
class Layout:
    """``split``: shape of each tensor that stands in more than one row.  ``quantised``: the method, None where it is not."""

    shards: list[Shard]
    split: dict[str, list[int]] = field(default_factory=dict)
    quantised: str | None = None

    def packed(self) -> dict[str, bytes]:
        shards = [vars(shard) for shard in self.shards]
        return {KEY: json.dumps({"shards": shards, "split": self.split, "quantised": self.quantised}, ensure_ascii=False).encode()}


def read_layout(metadata: Mapping[str, bytes]) -> Layout | None:
    """None for a file that another program wrote; EdgeError for nonsense, or a file name that leads elsewhere."""
    if KEY not in metadata:
        return None
    try:
        found: Any = json.loads(metadata[KEY])
        shards = [Shard(str(one["name"]), int(one["tensors"]), one["metadata"] and {str(key): str(value) for key, value in
                                                                                  one["metadata"].items()}) for one in found["shards"]]
        split = {str(name): [int(size) for size in shape] for name, shape in found["split"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EdgeError(f"expected the layout of a model in {KEY} of the metadata, found {error!r}; convert the model again") from None
    names = [shard.name for shard in shards]
    if len(set(names)) != len(names) or not all(_FILE.fullmatch(name) for name in names):
        raise EdgeError(f"expected names of safetensors files in {KEY} of the metadata, found {names[:3]}; do not use this file")
    return Layout(shards, split, found.get("quantised"))


def resharded(sizes: Sizes, largest: int | None) -> list[Shard]:
    """Files of at most ``largest`` bytes, or of one tensor that is larger; one file for None."""
    counts, filled = [0], 0
    for dtype, shape in sizes.values():
        size = ceil(prod(shape) * bits(dtype) / 8)
        if largest is not None and counts[-1] and filled + size > largest:
            counts.append(0)
            filled = 0
        counts[-1] += 1
        filled += size
    one, total = "model.safetensors", len(counts)
    return [Shard(one if total == 1 else f"model-{number:05d}-of-{total:05d}.safetensors", count, {"format": "pt"})
            for number, count in enumerate(counts, 1)]


def index(shards: Sequence[Shard], sizes: Sizes) -> str:
    """The JSON that says which tensor is in which file."""
    files = chain.from_iterable([shard.name] * shard.tensors for shard in shards)
    total = sum(ceil(prod(shape) * bits(dtype) / 8) for dtype, shape in sizes.values())
    return json.dumps({"metadata": {"total_size": total}, "weight_map": dict(zip(sizes, files, strict=True))}, indent=2) + "\n"


def parts(row: Row, largest: int = LARGEST) -> Iterator[Row]:
    """The row, or vectors that follow each other where it has more than ``largest`` bytes or a size that no int32 holds."""
    if row.nbytes <= largest and all(size < 2**31 for size in row.shape):
        yield row
        return
    assert isinstance(row.data, Stored)
    width = bits(row.dtype)
    count = min(largest * 8 // width, 2**31 - 1) // 8 * 8
    for number, start in enumerate(range(0, row.num_params, count)):
        length = min(count, row.num_params - start)
        stored = Stored(row.data.file, row.data.at + start * width // 8, ceil(length * width / 8))
        yield Row(PART.format(name=row.name, number=number), (length,), row.dtype, stored)


def joined(rows: Iterable[Row], split: Mapping[str, Sequence[int]]) -> Iterator[Row]:
    """The rows, those that `parts` made as one again."""
    firsts = {PART.format(name=name, number=0): (name, tuple(shape)) for name, shape in split.items()}
    rows = iter(rows)
    for row in rows:
        if row.name not in firsts:
            yield row
            continue
        name, shape = firsts[row.name]
        taken, count = [row], row.num_params
        while count < prod(shape) and (part := next(rows, None)) is not None:
            if part.name != PART.format(name=name, number=len(taken)) or part.dtype != row.dtype:
                break
            taken.append(part)
            count += part.num_params
        if count != prod(shape):
            raise EdgeError(f"{name}: expected the parts of shape {list(shape)}, found {count} weights; convert the model again")
        yield replace(row, name=name, shape=shape, data=_Joined(tuple(taken)))


@dataclass(frozen=True)
class _Joined:
    rows: tuple[Row, ...]

    def __iter__(self) -> Iterator[memoryview]:
        for row in self.rows:
            yield from row.pieces()
