"""Memory while models are converted: a few pieces, however large the model."""

from __future__ import annotations

import json
import os

import pytest

from pipeline.formats.parquet.columns import Row
from pipeline.formats.parquet.safetensors_file import write_file
from tests.parquet.checkpoints import child

# Converts there and back, and says how much the largest resident set grew after the libraries were there.
PEAK = """
import json, sys
from pathlib import Path
import numpy
from pipeline.formats.parquet.convert import to_directory, to_parquet
from pipeline.measure.resident import resident
source, compression = Path(sys.argv[1]), sys.argv[2]
before = resident()["peak_rss"]
to_parquet(source, source.with_name("w.parquet"), compression=compression)
forth = resident()["peak_rss"]
to_directory(source.with_name("w.parquet"), source.with_name("back"))
print(json.dumps({"before": before, "forth": forth, "back": resident()["peak_rss"]}))
"""


def model(folder, *megabytes):
    """Tensors of so many MB each; their bytes repeat after 8 MB, which no compressor sees."""
    piece = memoryview(os.urandom(8_000_000))
    rows = [Row(f"w{number}", (mb * 1_000_000,), "uint8", [piece[: 1_000_000 * min(8, mb - at)] for at in range(0, mb, 8)])
            for number, mb in enumerate(megabytes)]
    folder.mkdir()
    write_file(folder / "model.safetensors", rows, {row.name: (row.dtype, row.shape) for row in rows}, None)
    return folder


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_memory_does_not_grow_with_the_model(compression, tmp_path):
    """160 MB in tensors of 40: more than one of them is never there."""
    found = json.loads(child(PEAK, model(tmp_path / "model", 40, 40, 40, 40), compression).stdout)
    assert found["forth"] - found["before"] < 40 and found["back"] - found["before"] < 40 + 40


@pytest.mark.slow
@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_a_model_of_a_gigabyte_within_500_mb_and_its_largest_tensor(compression, tmp_path):
    """The sizes of Qwen3-0.6B: an embedding of 311 MB, and 28 layers of 31."""
    found = json.loads(child(PEAK, model(tmp_path / "model", 311, *[6, 6, 6, 4, 2, 4, 3] * 28), compression).stdout)
    assert found["forth"] < 500 + 311 and found["back"] < 500 + 311, found
