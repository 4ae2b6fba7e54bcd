"""A model directory through Parquet and back: every file the same, bit for bit."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from pipeline.formats.parquet import WeightLoader, is_parquet, layout, to_directory, to_parquet
from pipeline.formats.parquet.columns import SAFETENSORS, V1, V2
from tests.parquet.checkpoints import SMALL, checkpoint, contents, row

TYPES = sorted(SAFETENSORS)
WHOLE_BYTES = [name for name in TYPES if "float4" not in name and "float6" not in name]
shapes = st.lists(st.integers(0, 5), max_size=3)
tensors = st.lists(st.tuples(shapes, st.sampled_from(WHOLE_BYTES)), min_size=1, max_size=6)
shards = st.lists(tensors, min_size=1, max_size=3)


def there_and_back(source: Path, **options: object) -> Path:
    back = options.pop("back", {})
    to_parquet(source, source.with_name("model.parquet"), **options)
    to_directory(source.with_name("model.parquet"), source.with_name("back"), **back)
    return source.with_name("back")


@settings(max_examples=25, deadline=None)
@given(shards, st.sampled_from(["none", "zstd", "gzip"]), st.sampled_from([None, 1, 2]))
def test_any_shapes_types_and_shards(made, compression, version):
    with TemporaryDirectory() as folder:
        files = [[row(f"层.{f}.{t}", *tensor) for t, tensor in enumerate(tensors)] for f, tensors in enumerate(made)]
        source = checkpoint(Path(folder, "model"), *files)
        assert contents(there_and_back(source, compression=compression, version=version)) == contents(source)
        codes = {"int8", "float8_e4m3fn", "float8_e5m2"} & {dtype for tensors in made for _, dtype in tensors}
        names = pq.read_schema(Path(folder, "model.parquet")).names
        assert names == list(V2 if version == 2 or version is None and codes else V1)


@pytest.mark.parametrize("dtype", ["float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn"])
def test_types_smaller_than_a_byte(dtype, tmp_path):
    source = checkpoint(tmp_path / "model", [row("w", (3, 8), dtype), row("v", (16,), dtype)])
    assert contents(there_and_back(source)) == contents(source)


def test_what_the_library_writes(tmp_path):
    """safetensors' own file, whose order and header are not ours."""
    source = checkpoint(tmp_path / "model", [])
    (source / "model.safetensors").unlink()
    save_file({"b": torch.rand(3, 2), "a": torch.rand(5).to(torch.float8_e4m3fn), "c": torch.rand(7).bfloat16(), "d": torch.tensor(True)},
              source / "model.safetensors", {"format": "pt", "torchao": '{"name": "ü"}'})
    back = there_and_back(source)
    assert (back / "config.json").read_bytes() == (source / "config.json").read_bytes()
    assert all(torch.equal(load_file(back / "model.safetensors")[name].view(torch.uint8) if value.dim() else value, value.view(torch.uint8)
                           if value.dim() else value) for name, value in load_file(source / "model.safetensors").items())
    with safe_open(back / "model.safetensors", "pt") as one, safe_open(source / "model.safetensors", "pt") as other:
        assert one.metadata() == other.metadata()


@pytest.mark.parametrize("largest", [1, 1000, 1500, 10**9])
def test_other_shards(largest, tmp_path):
    rows = [row(f"w{n}", (n, 31), "int16") for n in range(1, 12)]
    source = checkpoint(tmp_path / "model", rows[:5], rows[5:])
    back = there_and_back(source, back={"shard_size": largest})
    held = [load_file(file) for file in sorted(back.glob("*.safetensors"))]
    assert all(sum(value.nbytes for value in tensors.values()) <= largest or len(tensors) == 1 for tensors in held)
    assert len(held) == {1: 11, 1000: 6, 1500: 3, 10**9: 1}[largest]
    to_parquet(back, tmp_path / "again.parquet")  # the new index is one that is believed
    with WeightLoader(tmp_path / "again.parquet") as loader:
        assert loader.names() == [one.name for one in rows]
        assert all(loader.tensor(one.name).numpy().tobytes() == one.data for one in rows)


@settings(max_examples=15, deadline=None)
@given(st.integers(8, 40), st.integers(1, 9), st.sampled_from(["float64", "bfloat16", "int8"]))
def test_a_tensor_too_large_for_a_row(largest, outputs, dtype):
    """A page of Parquet holds less than 2 GB; here less than a few bytes."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout.parts, "__defaults__", (8 * largest,))
        source = checkpoint(Path(folder, "model"), [row("small", (2, 2), "int8"), row("w", (outputs, 7), dtype), row("z", (3,), "int8")])
        assert contents(there_and_back(source)) == contents(source)
        with WeightLoader(Path(folder, "model.parquet")) as loader:
            assert loader.names() == ["small", "w", "z"]
            stored = load_file(source / "model.safetensors")
            assert all(torch.equal(loader.tensor(name).view(torch.uint8), stored[name].view(torch.uint8)) for name in loader.names())


def test_a_tied_head_stays_tied(tmp_path):
    from transformers import AutoModelForCausalLM

    from tests.export.tiny_qwen3 import build

    source = build(tmp_path / "model")
    back = there_and_back(source)
    assert contents(back) == contents(source)
    model = AutoModelForCausalLM.from_pretrained(back)
    assert model.lm_head.weight is model.model.embed_tokens.weight


def test_only_the_small_files_are_carried(tmp_path):
    source = checkpoint(tmp_path / "model", [row("w")])
    for name in ("optimizer.bin", "pytorch_model.bin.index.json", ".hidden.json", "modeling.py"):
        (source / name).write_text("{}")
    (source / "sub").mkdir()
    assert set(contents(there_and_back(source))) == {*SMALL, "model.safetensors"}
    metadata = pq.read_metadata(tmp_path / "model.parquet").metadata  # text, or some readers refuse the file
    assert all(value.decode("utf-8") for value in metadata.values()) and len(metadata) == len(SMALL) + 2


def test_what_is_parquet(tmp_path):
    source = checkpoint(tmp_path / "model", [row("w")])
    to_parquet(source, tmp_path / "model.parquet")
    assert is_parquet(tmp_path / "model.parquet")
    assert not any(map(is_parquet, (source, source / "config.json", tmp_path / "none")))
