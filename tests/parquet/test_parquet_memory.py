"""Memory while models are converted: a few pieces, however large the model."""

from __future__ import annotations

import json
import os

import pytest

from pipeline.formats.parquet.columns import Row
from pipeline.formats.parquet.safetensors_file import write_file
from tests.parquet.checkpoints import child

# Converts a small model, so that all of the libraries is there, then the other one, and says the largest resident set after each.
PEAK = """
import json, sys
from pathlib import Path
import numpy
from pipeline.formats.parquet.convert import to_directory, to_parquet
from pipeline.measure.resident import resident
small, large, compression = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
found = []
for source in (small, large):
    to_parquet(source, source.with_suffix(".parquet"), compression=compression)
    found.append(resident()["peak_rss"])
    to_directory(source.with_suffix(".parquet"), source.with_suffix(".back"))
    found.append(resident()["peak_rss"])
print(json.dumps(found[1:]))
"""


def model(folder, *megabytes):
    """Tensors of so many MB each; their bytes repeat after 8 MB, which no compressor sees."""
    piece = memoryview(os.urandom(8_000_000))
    rows = [Row(f"w{number}", (mb * 1_000_000,), "uint8", [piece[: 1_000_000 * min(8, mb - at)] for at in range(0, mb, 8)])
            for number, mb in enumerate(megabytes)]
    folder.mkdir()
    write_file(folder / "model.safetensors", rows, {row.name: (row.dtype, row.shape) for row in rows}, None)
    return folder


def peaks(folder, compression, *megabytes):
    """MB before, after the way forth, and after the way back."""
    result = child(PEAK, model(folder / "small", 1), model(folder / "large", *megabytes), compression)
    return json.loads(result.stdout)


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_memory_does_not_grow_with_the_model(compression, tmp_path):
    """160 MB in tensors of 40: not one of them is there whole, with room for two pieces at each end."""
    before, forth, back = peaks(tmp_path, compression, 40, 40, 40, 40)
    assert max(forth, back) - before < 60


@pytest.mark.slow
@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_a_model_of_a_gigabyte_within_500_mb_and_its_largest_tensor(compression, tmp_path):
    """The sizes of Qwen3-0.6B: an embedding of 311 MB, and 28 layers of 31."""
    found = peaks(tmp_path, compression, 311, *[6, 6, 6, 4, 2, 4, 3] * 28)
    assert max(found) < 500 + 311, found
