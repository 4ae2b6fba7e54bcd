"""Small model directories of any tensors, made from bytes, and what another program's Parquet files of weights look like."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from math import ceil, prod
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.formats.parquet.columns import Row, bits
from pipeline.formats.parquet.safetensors_file import write_file

ROOT = Path(__file__).parents[2]
SMALL = {"config.json": '{"model_type": "qwen3", "tie_word_embeddings": true}', "generation_config.json": '{"top_k": 20}',
         "tokenizer.json": '{"model": {"vocab": {"你": 1}}}', "chat_template.jinja": "{% for message in messages %}{% endfor %}"}
V1_OLD = pa.schema([("layer_name", pa.string()), ("shape", pa.list_(pa.int32())), ("dtype", pa.string()), ("data", pa.binary()),
                    ("num_params", pa.int64())])
V2_OLD = pa.schema([*V1_OLD, ("quant_type", pa.string()), ("scales", pa.binary()), ("zero_points", pa.binary()),
                    ("quant_axis", pa.int32()), ("group_size", pa.int32())])


def row(name: str, shape: Sequence[int] = (4, 8), dtype: str = "bfloat16", **quantised: object) -> Row:
    """A tensor of random bytes."""
    return Row(name, tuple(shape), dtype, os.urandom(ceil(prod(shape) * bits(dtype) / 8)), **quantised)


def checkpoint(folder: Path, *shards: Sequence[Row], small: dict[str, str] = SMALL) -> Path:
    """A directory with one safetensors file, or more and an index."""
    folder.mkdir(parents=True)
    for name, content in small.items():
        (folder / name).write_text(content, encoding="utf-8")
    count = len(shards)
    names = ["model.safetensors"] if count == 1 else [f"model-{n:05d}-of-{count:05d}.safetensors" for n in range(1, count + 1)]
    for name, rows in zip(names, shards, strict=True):
        write_file(folder / name, rows, {one.name: (one.dtype, one.shape) for one in rows}, {"format": "pt"})
    if count > 1:
        total = sum(one.nbytes for rows in shards for one in rows)
        weight_map = {one.name: name for name, rows in zip(names, shards, strict=True) for one in rows}
        (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def old_row(one: Row, **changes: object) -> dict[str, object]:
    """A row in the documented columns, all of V2's; the schema chooses."""
    return {"layer_name": one.name, "shape": list(one.shape), "dtype": one.dtype, "data": bytes(one.data), "num_params": one.num_params,
            "quant_type": "fp32", "quant_axis": -1, "group_size": 0, **changes}


def old_file(path: Path, rows: Sequence[dict[str, object]], schema: pa.Schema = V1_OLD, **options: object) -> Path:
    """What another program writes from the documented columns: all rows in one group, each column as its library likes it."""
    pq.write_table(pa.Table.from_pylist(list(rows), schema), path, **options)
    return path


def child(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Python in a process of its own, in the project's root."""
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=600)
