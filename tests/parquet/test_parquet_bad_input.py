"""What is damaged, foreign or hostile: one clear line, and no output or a whole one."""

from __future__ import annotations

import json
import struct
import zlib
from base64 import b64encode
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import EdgeError
from pipeline.formats.parquet import WeightLoader, files, to_directory, to_parquet
from pipeline.formats.parquet.columns import Row
from pipeline.formats.parquet.finite import finite
from pipeline.formats.parquet.layout import KEY, Layout, Shard
from pipeline.formats.parquet.page import Page
from pipeline.formats.parquet.write import ParquetWriter
from tests.parquet.checkpoints import V1_OLD, V2_OLD, checkpoint, child, contents, old_file, old_row, row


def refused(action, *arguments, **options):
    with pytest.raises(EdgeError) as error:
        action(*arguments, **options)
    return str(error.value)


def back_refused(file):
    """Why a file does not become a directory; nothing is left of it."""
    before = set(file.parent.iterdir())
    reason = refused(to_directory, file, file.parent / "back")
    assert set(file.parent.iterdir()) == before
    return reason


def forth_refused(source, **options):
    before = set(source.parent.iterdir())
    reason = refused(to_parquet, source, source.parent / "model.parquet", **options)
    assert set(source.parent.iterdir()) == before
    return reason


@pytest.fixture
def sharded(tmp_path):
    return checkpoint(tmp_path / "model", [row("a"), row("b")], [row("c")])


@pytest.fixture
def file(sharded, tmp_path):
    to_parquet(sharded, tmp_path / "good.parquet")
    return tmp_path / "good.parquet"


FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def test_a_shard_that_is_not_there(sharded):
    (sharded / SECOND).unlink()
    assert SECOND in forth_refused(sharded)


def test_a_shard_missing_from_the_index(sharded):
    index = json.loads((sharded / files.INDEX).read_text())
    del index["weight_map"]["c"]
    (sharded / files.INDEX).write_text(json.dumps(index))
    assert f"expected all shards, found none of {SECOND}" in forth_refused(sharded)


@pytest.mark.parametrize(("change", "says"), [
    ({"b": SECOND}, f"expected b in {SECOND}, found it in {FIRST}"), ({"d": FIRST}, f"expected d in {FIRST}, found it in none"),
    ({"c": "../c.safetensors"}, "outside the model directory")], ids=["elsewhere", "nowhere", "path"])
def test_an_index_that_says_other_than_its_files(change, says, sharded):
    index = json.loads((sharded / files.INDEX).read_text())
    index["weight_map"] |= change
    (sharded / files.INDEX).write_text(json.dumps(index))
    assert says in forth_refused(sharded)


@pytest.mark.parametrize("length", [0, 5, 40, 100, -1])
def test_truncated_safetensors(length, tmp_path):
    source = checkpoint(tmp_path / "model", [row("a"), row("b")])
    whole = (source / "model.safetensors").read_bytes()
    (source / "model.safetensors").write_bytes(whole[:length])
    assert "expected whole weights" in forth_refused(source)


def test_a_tensor_twice(tmp_path):
    source = checkpoint(tmp_path / "model", [row("a", (2,)), row("b", (2,))])
    content = (source / "model.safetensors").read_bytes()
    (source / "model.safetensors").write_bytes(content.replace(b'"b"', b'"a"'))
    assert "model.safetensors" in forth_refused(source)
    two = checkpoint(tmp_path / "two", [row("a")], [row("b")])
    for name in (FIRST, SECOND):
        checkpoint(tmp_path / name, [row("a")])
        (tmp_path / name / "model.safetensors").replace(two / name)
    assert "a" in forth_refused(two)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/../b", "/etc/passwd", "..\\b", "a\0b", "a\nb", "", "n" * 2000])
def test_names_that_are_no_names(name, tmp_path):
    source = checkpoint(tmp_path / "model", [row(name)])
    assert "plain tensor name" in forth_refused(source)
    assert "plain tensor name" in back_refused(old_file(tmp_path / "old.parquet", [old_row(row(name))]))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn"])
def test_weights_that_are_no_numbers(dtype, tmp_path):
    """All bits set are NaN in every type; without --check they are carried as they are."""
    good = Row("good", (2, 4), dtype, bytes(8 * 8)[: Row("good", (2, 4), dtype, b"").nbytes])
    source = checkpoint(tmp_path / "model", [good, Row("bad", (1, 2), dtype, b"\xff" * Row("bad", (1, 2), dtype, b"").nbytes)])
    assert "bad: expected finite weights, found 2 NaN or infinite" in forth_refused(source, check=True)
    to_parquet(source, tmp_path / "model.parquet")
    assert "bad: expected finite" in refused(to_directory, tmp_path / "model.parquet", tmp_path / "back", check=True)
    to_directory(tmp_path / "model.parquet", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(source)
    to_parquet(checkpoint(tmp_path / "fine", [good]), tmp_path / "fine.parquet", check=True)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.sampled_from(["float64", "float32", "complex64", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn"]), st.data())
def test_what_is_a_number_is_what_torch_says(dtype, data):
    size = Row("w", (1,), dtype, b"").nbytes
    ends = st.sampled_from([b"\xff", b"\x7f", b"\x7e", b"\x7c", b"\x7b", b"\xf7"])
    value = b"".join(data.draw(st.lists(ends | st.binary(min_size=1, max_size=1), min_size=size, max_size=size)))
    number = torch.frombuffer(bytearray(value), dtype=getattr(torch, dtype))
    expected = torch.isfinite(torch.view_as_real(number) if dtype == "complex64" else number.double()).all()
    checked = finite(Row("w", (1,), dtype, value))
    assert b"".join(checked.pieces()) == value if expected else "expected finite" in refused(list, checked.pieces())


def test_what_is_there_already_is_kept(sharded, file, tmp_path):
    before = file.read_bytes()
    assert "expected no file yet" in refused(to_parquet, sharded, file)
    assert "expected no directory yet" in refused(to_directory, file, sharded)
    assert file.read_bytes() == before and len(contents(sharded)) == 7


@pytest.mark.parametrize("action", [lambda path, out: to_parquet(path, out), lambda path, out: to_directory(path, out),
                                    lambda path, out: WeightLoader(path)], ids=["forth", "back", "loader"])
def test_what_is_neither(action, tmp_path):
    (tmp_path / "text").write_text("PAR1 and no more, PAR2")
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    for name in ("text", "empty", "folder", "none"):
        assert "expected" in refused(action, tmp_path / name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("version", [0, 3])
def test_forms_that_do_not_exist(version, sharded):
    assert "expected version 1 or 2" in forth_refused(sharded, version=version or -1)
    assert "expected a compression of none, gzip, zstd, found 'snappy'" in forth_refused(sharded, compression="snappy")


def test_a_foreign_file_is_told_what_it_lacks(tmp_path):
    pq.write_table(pa.table({"layer_name": ["a"], "text": ["b"]}), tmp_path / "foreign.parquet")
    assert "found none of shape, dtype, data, num_params" in back_refused(tmp_path / "foreign.parquet")
    pq.write_table(pa.Table.from_pylist([old_row(row("a"))], pa.schema([*V1_OLD, ("quant_type", pa.string())])), tmp_path / "half.parquet")
    assert "found none of scales, zero_points, quant_axis, group_size" in back_refused(tmp_path / "half.parquet")


@pytest.mark.parametrize(("column", "kind"), [("data", pa.string()), ("shape", pa.string()), ("layer_name", pa.int32())])
def test_columns_of_another_type(column, kind, tmp_path):
    schema = pa.schema([field.with_type(kind) if field.name == column else field for field in V1_OLD])
    value = 1 if kind == pa.int32() else "x"
    assert f"expected column {column} as documented" in back_refused(
        old_file(tmp_path / "old.parquet", [old_row(row("a"), **{column: value})], schema))


@pytest.mark.parametrize(("change", "says"), [
    ({"data": b"123"}, "a: expected 64 bytes for shape [4, 8] of bfloat16, found 3"), ({"data": None}, "found 0"),
    ({"data": bytes(65)}, "found 65"), ({"num_params": 31}, "expected num_params of shape [4, 8], found 31"),
    ({"shape": [4, -8], "num_params": -32}, "expected name, shape and type"), ({"shape": None}, "expected name, shape and type"),
    ({"layer_name": None}, "expected name, shape and type"), ({"dtype": "string"}, "expected a type of weights such as bfloat16"),
    ({"shape": [2**31 - 1] * 3, "num_params": None}, "expected"),
], ids=str)
def test_rows_that_say_other_than_they_hold(change, says, tmp_path):
    assert says in back_refused(old_file(tmp_path / "old.parquet", [old_row(row("b")), old_row(row("a"), **change)]))


@pytest.mark.parametrize("size", [0, 3, 63, 65])
def test_data_of_another_size_are_not_written(size, tmp_path):
    with pytest.raises(EdgeError, match=f"a: expected 64 bytes for shape .4, 8. of bfloat16, found {size} bytes"):
        with ParquetWriter(tmp_path / "w.parquet") as writer:
            writer.add(Row("a", (4, 8), "bfloat16", bytes(size)))
    assert not any(tmp_path.iterdir())


def test_rows_twice_and_no_rows(tmp_path):
    assert "found a twice" in back_refused(old_file(tmp_path / "twice.parquet", [old_row(row("a"))] * 2))
    assert "expected 1 to" in back_refused(old_file(tmp_path / "none.parquet", []))
    with pytest.raises(EdgeError, match="a: expected each tensor once"), ParquetWriter(tmp_path / "w.parquet") as writer:
        writer.add(row("a"))
        writer.add(row("a"))
    assert not (tmp_path / "w.parquet").exists()


@pytest.mark.parametrize("schema", [V1_OLD, V2_OLD], ids=["V1", "V2"])
def test_pages_that_unfold_to_more_than_they_say(schema, tmp_path):
    """64 MB of zeros in a few kilobytes, for a tensor of 64 bytes: refused before they are unfolded."""
    bomb = old_file(tmp_path / "bomb.parquet", [old_row(row("a"), data=bytes(64 << 20))], schema, compression="zstd")
    assert bomb.stat().st_size < 100_000
    assert "expected at most" in back_refused(bomb) and "found pages of 671" in back_refused(bomb)


def test_our_own_pages_that_say_less_than_they_unfold_to(tmp_path):
    with ParquetWriter(tmp_path / "w.parquet") as writer:
        writer.add(Row("a", (64 << 20,), "uint8", bytes(64 << 20)))
    content = (tmp_path / "w.parquet").read_bytes()
    shown = pq.read_metadata(tmp_path / "w.parquet").row_group(0).column(1)
    assert shown.path_in_schema == "shape.list.element"
    changed = content.replace(struct.pack("<I", 64 << 20), struct.pack("<I", 64))  # shape as it stands in its page
    (tmp_path / "w.parquet").write_bytes(changed)
    assert "expected" in back_refused(tmp_path / "w.parquet")


@pytest.mark.parametrize("compressed", [True, False])
def test_a_page_that_ends_before_its_value(compressed, tmp_path):
    stored = struct.pack("<I", 10) + bytes(5)
    stored = pa.compress(stored, "zstd", asbytes=True) if compressed else stored
    (tmp_path / "w").write_bytes(stored)
    page = Page(tmp_path / "w", 0, len(stored), 10, "zstd" if compressed else "none")
    assert "expected a value of 10 bytes at 0, found 5 bytes" in refused(list, page)


@pytest.mark.parametrize("name", ["../config.json", "/tmp/config.json", "a/b.json", "..\\x.json", "x.py", ".x.json", "a\0.json", "C:x.json",
                                  "model.safetensors", "other.index.json", ""])
def test_files_in_the_metadata_with_other_names(name, tmp_path):
    with ParquetWriter(tmp_path / "w.parquet") as writer:
        writer.add(row("a"))
        writer.describe({files.KEY + name: b64encode(zlib.compress(b"{}"))})
    assert "expected plain file names in the metadata" in back_refused(tmp_path / "w.parquet")


CUT, BOMB = zlib.compress(b"{}" * 99)[:-6], zlib.compress(bytes(files.LARGEST + 1))


@pytest.mark.parametrize("content", [b"garbage!", *map(b64encode, (b"garbage", BOMB, CUT))], ids=["no base64", "garbage", "bomb", "cut"])
def test_files_in_the_metadata_with_other_content(content, tmp_path):
    with ParquetWriter(tmp_path / "w.parquet") as writer:
        writer.add(row("a"))
        writer.describe({files.KEY + "config.json": content})
    assert "expected config.json" in back_refused(tmp_path / "w.parquet")


@pytest.mark.parametrize("layout", [
    b"{", b"[]", b"{}", b'{"shards": [{}], "split": {}}', b'{"shards": [{"name": "a", "tensors": 1, "metadata": [1]}], "split": {}}',
    b'{"shards": [], "split": []}',
    *(Layout(shards).packed()[KEY] for shards in (
        [Shard("../model.safetensors", 1, None)], [Shard("a.safetensors", 1, None), Shard("a.safetensors", 0, None)],
        [Shard("model.safetensors", 2, None)], [Shard("a.safetensors", 2, None), Shard("b.safetensors", -1, None)],
        [Shard("config.json", 1, None)])),
    Layout([Shard("model.safetensors", 1, None)], {"a": [4, 8]}).packed()[KEY].replace(b'"a"', b'"b"').replace(b'"split"', b'"spilt"'),
])
def test_a_layout_of_nonsense(layout, tmp_path):
    with ParquetWriter(tmp_path / "w.parquet") as writer:
        writer.add(row("a"))
        writer.describe({KEY: layout})
    reason = back_refused(tmp_path / "w.parquet")
    assert any(said in reason for said in ("tensors in its layout", "the layout of a model", "names of safetensors files"))


def test_parts_that_are_missing(tmp_path):
    with ParquetWriter(tmp_path / "w.parquet") as writer:
        writer.add(row("a#part0", (3,)))
        writer.describe(Layout([Shard("model.safetensors", 1, None)], {"a": [4]}).packed())
    assert "a: expected the parts of shape [4], found 3 weights" in back_refused(tmp_path / "w.parquet")


def test_a_footer_too_large_to_be_read(tmp_path):
    path = tmp_path / "w.parquet"
    with path.open("wb") as file:
        file.write(b"PAR1")
        file.truncate(1 << 30)  # sparse
        file.seek(0, 2)
        file.write(struct.pack("<I", (1 << 30) - 8) + b"PAR1")
    assert "expected a footer of at most" in back_refused(path)


def test_files_too_large_for_a_footer(tmp_path):
    source = checkpoint(tmp_path / "model", [row("a")])
    with (source / "big.txt").open("wb") as file:
        file.truncate(files.LARGEST + 1)
    assert "move big.txt away" in forth_refused(source)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.data(), st.sampled_from(["none", "zstd"]))
def test_any_byte_changed_or_cut(data, compression):
    """Whatever is damaged: a directory, or one line and no directory."""
    with TemporaryDirectory() as folder:
        source, file, back = Path(folder, "model"), Path(folder, "w.parquet"), Path(folder, "back")
        checkpoint(source, [row("a"), row("b", (3, 3), "int8")], [row("c")])
        to_parquet(source, file, compression=compression)
        content = bytearray(file.read_bytes())
        for at in data.draw(st.lists(st.integers(4, len(content) - 1), min_size=1, max_size=3)):
            content[at] ^= data.draw(st.integers(1, 255))
        file.write_bytes(content[: data.draw(st.one_of(st.none(), st.integers(0, len(content))))])
        try:
            to_directory(file, back)
            assert back.is_dir()
        except EdgeError:
            assert {path.name for path in Path(folder).iterdir()} == {"model", "w.parquet"}


# Allows files of no more bytes than are given, as a disk that is full, and converts.
FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
from pipeline.cli import main
sys.exit(main(["convert", *sys.argv[2:]]))
"""


def test_a_disk_that_fills_at_seventy_percent(tmp_path):
    source = checkpoint(tmp_path / "model", [row(f"w{n}", (256, 256)) for n in range(8)])
    to_parquet(source, tmp_path / "good.parquet", compression="none")
    limit = (source / "model.safetensors").stat().st_size * 7 // 10
    before = set(tmp_path.iterdir())
    for arguments in ([source, tmp_path / "w.parquet", "--compression", "none"], [source, tmp_path / "w.parquet"],
                      [tmp_path / "good.parquet", tmp_path / "back"]):
        result = child(FULL, limit, *arguments)
        assert result.returncode == 2 and "File too large" in result.stderr and len(result.stderr.splitlines()) == 1, result.stderr
        assert set(tmp_path.iterdir()) == before
