"""Files of other programs in the documented columns, made by hand with pyarrow."""

from __future__ import annotations

import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file

from pipeline.errors import EdgeError
from pipeline.formats.parquet import WeightLoader, to_directory
from tests.parquet.checkpoints import V1_OLD, V2_OLD, old_file, old_row, row

ROWS = [row("model.embed.weight", (50, 64), "float32"), row("model.norm.weight", (64,), "float32"), row("empty", (0, 3), "float16"),
        row("scalar", (), "float32"), row("half", (3, 5), "float16")]
LARGE = pa.schema([field.with_type(pa.large_binary()) if field.name == "data" else field for field in V1_OLD])
LISTS = pa.schema([field.with_type(pa.list_(pa.float32())) if field.name in ("scales", "zero_points") else field for field in V2_OLD])


@pytest.mark.parametrize("schema", [V1_OLD, LARGE, V2_OLD], ids=["V1", "large", "V2"])
@pytest.mark.parametrize("options", [{}, {"compression": "zstd", "row_group_size": 1}, {"use_dictionary": False, "row_group_size": 2},
                                     {"compression": "none", "use_dictionary": False, "row_group_size": 1, "data_page_version": "2.0"}],
                         ids=["snappy", "zstd", "pairs", "pages of version 2"])
def test_old_files_are_read(schema, options, tmp_path):
    file = old_file(tmp_path / "old.parquet", [old_row(one) for one in ROWS], schema, **options)
    to_directory(file, tmp_path / "back")
    back = load_file(tmp_path / "back" / "model.safetensors")
    with WeightLoader(file) as loader:
        assert loader.names() == [one.name for one in ROWS] == list(back)
        for one in ROWS:
            for found in (back[one.name], loader.tensor(one.name)):
                assert (tuple(found.shape), found.dtype) == (one.shape, getattr(torch, one.dtype))
                assert found.numpy().tobytes() == one.data


def test_float32_bytes_under_a_bfloat16_label(tmp_path):
    values = torch.rand(6, 4)
    wrong = old_row(row("w", (6, 4)), data=values.numpy().tobytes())
    right = old_row(row("v", (6, 4)))
    file = old_file(tmp_path / "old.parquet", [wrong, right])
    with WeightLoader(file) as loader:
        assert torch.equal(loader.tensor("w"), values) and loader.tensor("v").dtype == torch.bfloat16
    to_directory(file, tmp_path / "back")
    assert torch.equal(load_file(tmp_path / "back" / "model.safetensors")["w"], values)


@pytest.mark.parametrize("label", ["torch.bfloat16", "BF16", "bf16"])
def test_other_names_of_a_type(label, tmp_path):
    file = old_file(tmp_path / "old.parquet", [old_row(row("w"), dtype=label)])
    with WeightLoader(file) as loader:
        assert loader.tensor("w").dtype == torch.bfloat16


@pytest.mark.parametrize("schema", [V2_OLD, LISTS], ids=["float32 bytes", "lists"])
def test_codes_and_their_scales(schema, tmp_path):
    """Codes of 8 bits in the tensor's shape, of 4 bits two a byte; the label is the type before."""
    scales, zeros = torch.rand(8), torch.arange(8.0)
    kept = [values.tolist() if schema is LISTS else values.numpy().tobytes() for values in (scales, zeros)]
    eight = old_row(row("eight", (8, 4), "int8"), dtype="float32", quant_type="int8", scales=kept[0], zero_points=kept[1], quant_axis=0)
    four = old_row(row("four", (8, 4), "uint8"), data=b"\x21" * 16, dtype="float32", quant_type="int4", scales=kept[0], quant_axis=0)
    file = old_file(tmp_path / "old.parquet", [eight, four], schema)
    with WeightLoader(file) as loader:
        assert loader.tensor("eight").dtype == torch.int8 and loader.tensor("eight").shape == (8, 4)
        assert bytes(loader.tensor("four").numpy()) == b"\x21" * 16
        told = loader.info("eight")
        assert (told.quant_type, told.quant_axis, told.group_size) == ("int8", 0, 0)
        assert torch.equal(torch.frombuffer(bytearray(told.scales), dtype=torch.float32), scales)
    to_directory(file, tmp_path / "back")
    back = load_file(tmp_path / "back" / "model.safetensors")
    assert torch.equal(back["eight_scale"], scales) and torch.equal(back["eight_zero_point"], zeros) and "four_zero_point" not in back


def test_scales_that_do_not_fit_the_groups(tmp_path):
    for values, axis, group in ((7, 0, 0), (2, -1, 0), (8, 0, 2), (8, 5, 0), (8, 0, -3)):
        one = old_row(row("w", (8, 4), "int8"), quant_type="int8", scales=bytes(4 * values), quant_axis=axis, group_size=group)
        other = old_row(row("w", (8, 4), "uint8"), data=bytes(16), dtype="float32", quant_type="int4", scales=bytes(4 * values),
                        quant_axis=axis, group_size=group)
        for number, made in enumerate((one, other)):
            file = old_file(tmp_path / f"old{number}.parquet", [made], V2_OLD)
            with pytest.raises(EdgeError, match="w: expected .*(scales|quant_axis).*make the file again"):
                to_directory(file, tmp_path / "back")
        assert not (tmp_path / "back").exists()
