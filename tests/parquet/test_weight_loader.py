"""One tensor out of many: what is read, and what it is."""

from __future__ import annotations

import json
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import EdgeError
from pipeline.formats.parquet import WeightLoader, to_parquet
from pipeline.formats.parquet.columns import Row
from pipeline.formats.parquet.write import ParquetWriter
from tests.parquet.checkpoints import checkpoint, child, old_file, old_row, row

# Reads one tensor, and says what of the file came into the process: by read(), and by pages of mappings that are there.
READ = """
import json, re, sys
from pathlib import Path
from pipeline.formats.parquet import WeightLoader
import torch

def read():
    return int(re.search(r"rchar: (\\d+)", Path("/proc/self/io").read_text())[1])

def mapped(path):
    blocks = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text())
    return sum(1024 * int(re.search(r"Rss: +(\\d+)", block)[1]) for block in blocks if path in block.partition("\\n")[0])

path, name = sys.argv[1:]
with WeightLoader(Path(path)) as loader:  # imports of it and of torch's parts are not counted
    loader.tensor("small")
before = read()
with WeightLoader(Path(path)) as loader:
    tensor = loader.tensor(name)
    opened = read() - before  # before smaps, which is read as well
    there = mapped(path)
    before = read()
    total = int(tensor.view(torch.uint8).sum())
    print(json.dumps({"total": total, "read": opened + read() - before, "opened": there, "touched": mapped(path)}))
"""


@pytest.fixture(scope="module", params=["none", "zstd"])
def file(request, tmp_path_factory):
    """Twelve tensors of 2 MB."""
    path = tmp_path_factory.mktemp("loader") / f"{request.param}.parquet"
    with ParquetWriter(path, compression=request.param) as writer:
        for one in [row(f"w{number}", (1024, 1024)) for number in range(12)] + [row("small", (4, 4))]:
            writer.add(one)
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="counts what is read in /proc")
def test_the_rest_is_not_read(file):
    result = child(READ, file, "w5")
    found = json.loads(result.stdout)
    size = 2 * 2**20
    assert found["read"] < 200_000 + (size if file.stem == "zstd" else 0)  # the footer and the columns that say what there is
    if file.stem == "none":
        assert found["opened"] < size / 4 and size <= found["touched"] < 1.2 * size
    with WeightLoader(file) as loader:
        assert found["total"] == int(loader.tensor("w5").view(torch.uint8).sum())


def test_a_change_stays_in_the_process(file):
    with WeightLoader(file) as loader:
        before = loader.tensor("w3").view(torch.int16).clone()
        loader.tensor("w3").view(torch.int16).add_(1)
        assert torch.equal(loader.tensor("w3").view(torch.int16), before)


def test_a_tensor_outlives_its_loader(file):
    with WeightLoader(file) as loader:
        tensor = loader.tensor("w4")
    with WeightLoader(file) as loader:
        assert torch.equal(tensor.view(torch.int16), loader.tensor("w4").view(torch.int16))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.sampled_from(["float64", "complex64", "float32", "bfloat16", "bool"]))
def test_what_is_mapped_is_aligned(tmp_path_factory, lengths, dtype):
    path = tmp_path_factory.mktemp("aligned") / "w.parquet"
    rows = [row(f"{'n' * length}{number}", (length, 3), dtype) for number, length in enumerate(lengths)]
    with ParquetWriter(path, compression="none") as writer:
        for one in rows:
            writer.add(one)
    with WeightLoader(path) as loader:
        assert all(loader.tensor(one.name).data_ptr() % 64 == 0 for one in rows if one.nbytes)
        assert all(loader.tensor(one.name).view(torch.uint8).numpy().tobytes() == one.data for one in rows if one.nbytes)


def test_a_name_that_is_not_there(file):
    with WeightLoader(file) as loader, pytest.raises(EdgeError, match="expected a tensor of the file, found 'w99'"):
        loader.tensor("w99")


def test_types_that_torch_stores_in_pairs_or_not_at_all(tmp_path):
    to_parquet(checkpoint(tmp_path / "model", [row("four", (4, 8), "float4_e2m1fn"), row("six", (4, 8), "float6_e2m3fn")]), tmp_path / "w")
    with WeightLoader(tmp_path / "w") as loader:
        assert loader.tensor("four").shape == (4, 4) and loader.tensor("four").dtype == torch.float4_e2m1fn_x2
        with pytest.raises(EdgeError, match="expected a type that torch has, found float6_e2m3fn"):
            loader.tensor("six")


def test_one_of_many_in_a_group(tmp_path):
    """Another program's file is read up to the tensor, and its values are the tensor's own."""
    rows = [Row(f"w{n}", (3,), "int8", bytes([n] * 3)) for n in range(9)]
    with WeightLoader(old_file(tmp_path / "old.parquet", [old_row(one) for one in rows])) as loader:
        assert [loader.tensor(f"w{n}").tolist() for n in (7, 0, 8)] == [[7] * 3, [0] * 3, [8] * 3]
