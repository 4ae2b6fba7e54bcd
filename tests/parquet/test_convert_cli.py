"""``edge convert``, by the direction that its source asks for."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

from pipeline.cli import main
from pipeline.formats.parquet.columns import V1
from tests.parquet.checkpoints import checkpoint, contents, old_file, old_row, row


def edge(*arguments: object) -> int:
    return main(["convert", *map(str, arguments)])


def test_there_and_back(tmp_path, capsys):
    source = checkpoint(tmp_path / "model", [row("a"), row("b", (4, 4), "int8")], [row("c")])
    (source / "optimizer.pt").touch()
    assert edge(source, tmp_path / "w.parquet") == 0
    assert capsys.readouterr() == ("left out: optimizer.pt\n", "")
    assert edge(tmp_path / "w.parquet", tmp_path / "back") == 0
    assert capsys.readouterr() == ("", "")
    assert contents(tmp_path / "back") == {name: held for name, held in contents(source).items() if name != "optimizer.pt"}


def test_options_on_the_way(tmp_path):
    source = checkpoint(tmp_path / "model", [row("a", (4, 4), "int8"), row("b", (8, 4), "int8")])
    assert edge(source, tmp_path / "w.parquet", "--old", "--compression", "none", "--check") == 0
    assert pq.read_schema(tmp_path / "w.parquet").names == list(V1)
    assert pq.read_metadata(tmp_path / "w.parquet").row_group(0).column(4).compression == "UNCOMPRESSED"
    assert edge(tmp_path / "w.parquet", tmp_path / "back", "--shard-size", "30B") == 0
    assert {path.name for path in (tmp_path / "back").glob("*.safetensors*")} == {
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"}


def test_an_old_file_has_weights_alone(tmp_path, capsys):
    one = row("a")
    old_file(tmp_path / "old.parquet", [old_row(one)])
    assert edge(tmp_path / "old.parquet", tmp_path / "back") == 0
    assert "holds weights alone: put config.json and the tokenizer into" in capsys.readouterr().out
    assert set(contents(tmp_path / "back")) == {"model.safetensors"}


@pytest.mark.parametrize("source", ["none", "text"])
def test_a_mistake_is_one_line(source, tmp_path, capsys):
    (tmp_path / "text").write_text("weights")
    assert edge(tmp_path / source, tmp_path / "out") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("edge: ") and str(tmp_path / source) in line and not (tmp_path / "out").exists()


def test_bits_are_kept_even_in_numbers_that_are_none(tmp_path):
    import numpy as np

    source = checkpoint(tmp_path / "model", [])
    (source / "model.safetensors").unlink()
    odd = np.array([0x7FC00001, 0xFFFFFFFF, 0x80000000, 1], np.uint32).view(np.float32)
    save_file({"odd": odd}, source / "model.safetensors")
    edge(source, tmp_path / "w.parquet")
    edge(tmp_path / "w.parquet", tmp_path / "back")
    assert load_file(tmp_path / "back" / "model.safetensors")["odd"].tobytes() == odd.tobytes()
