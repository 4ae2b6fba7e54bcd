"""Quantised checkpoints: carried without dequantising, and told in V2's columns as their library would dequantise them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32, unpack_from_int32
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from pipeline.errors import EdgeError
from pipeline.formats.parquet import WeightLoader, to_directory, to_parquet
from pipeline.formats.parquet.columns import Row
from pipeline.formats.parquet.layout import read_layout
from pipeline.formats.parquet.read import ParquetReader
from pipeline.formats.parquet.write import ParquetWriter
from tests.parquet.checkpoints import contents


def saved(folder, tensors, **configuration):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"quantization_config": configuration} if configuration else {}))
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


def told(folder, name):
    """The row of a tensor after a trip there and back that changed nothing, and its scales and zero points."""
    to_parquet(folder, folder.with_name("q.parquet"))
    to_directory(folder.with_name("q.parquet"), folder.with_name("back"))
    assert contents(folder.with_name("back")) == contents(folder)
    with WeightLoader(folder.with_name("q.parquet")) as loader:
        row = loader.info(name)
        return row, *(None if values is None else np.frombuffer(values, np.float32) for values in (row.scales, row.zero_points))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.integers(1, 6), st.sampled_from([1, 2, 8, 30]), st.sampled_from([2, 3, 4, 8]), st.booleans(),
       st.sampled_from([torch.float32, torch.float16, torch.bfloat16]))
def test_packed_codes_with_any_groups(tmp_path_factory, outputs, groups, group, width, symmetric, dtype):
    least, most = -(2 ** (width - 1)), 2 ** (width - 1)
    codes = torch.randint(least, most, (outputs, groups * group), dtype=torch.int8)
    scale, zero = torch.rand(outputs, groups).to(dtype), torch.randint(least, most, (outputs, groups), dtype=torch.int8)
    tensors = {"m.weight_packed": pack_to_int32(codes, width), "m.weight_scale": scale, "m.weight_shape": torch.tensor(codes.shape)}
    if not symmetric:
        tensors["m.weight_zero_point"] = pack_to_int32(zero, width, packed_dim=0).contiguous()
    folder = saved(tmp_path_factory.mktemp("packed") / "model", tensors, quant_method="compressed-tensors",
                   config_groups={"group_0": {"weights": {"num_bits": width, "type": "int"}}})
    row, scales, zeros = told(folder, "m.weight_packed")
    if outputs == groups == 1 or groups > 1 or outputs > 1:
        assert (row.quant_type, row.quant_axis, row.group_size) == (f"int{width}", 0, 0 if groups == 1 else group)
        assert np.array_equal(scales, scale.float().flatten())
        assert zeros is None if symmetric else np.array_equal(zeros, zero.float().flatten())


@pytest.mark.parametrize(("shape", "axis", "group"), [((), -1, 0), ((1,), -1, 0), ((6, 1), 0, 0), ((6,), 0, 0), ((6, 4), 0, 2)])
@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.int8])
def test_codes_of_eight_bits(dtype, shape, axis, group, tmp_path):
    scale = torch.rand(shape).bfloat16()
    folder = saved(tmp_path / "model", {"m.weight": torch.ones(6, 8).to(dtype), "m.weight_scale": scale}, quant_method="compressed-tensors")
    row, scales, zeros = told(folder, "m.weight")
    assert (row.quant_axis, row.group_size) == (axis, group) and zeros is None
    assert np.array_equal(scales, scale.float().flatten())
    assert row.quant_type == {torch.float8_e4m3fn: "fp8_e4m3", torch.float8_e5m2: "fp8_e5m2", torch.int8: "int8"}[dtype]


ONES = {"qweight": torch.ones(8, 16, dtype=torch.int32), "qzeros": torch.ones(1, 2, dtype=torch.int32), "scales": torch.rand(1, 16).half()}
CODES = torch.ones(256, 256).to(torch.float8_e4m3fn)


@pytest.mark.parametrize(("tensors", "configuration", "name", "quant_type"), [
    ({**ONES, "g_idx": torch.arange(64, dtype=torch.int32)}, {"quant_method": "gptq", "bits": 8}, "qweight", "int8"),
    (ONES, {"quant_method": "awq", "w_bit": 4}, "qweight", "int4"),
    ({"weight": CODES, "weight_scale_inv": torch.rand(2, 2)}, {"quant_method": "fp8"}, "weight", "fp8_e4m3"),
    ({"weight_packed": torch.ones(4, 8, dtype=torch.uint8), "weight_scale": torch.ones(4, 1).to(torch.float8_e4m3fn)},
     {"quant_method": "compressed-tensors"}, "weight_packed", "fp4"),
    ({"weight": CODES}, {}, "weight", "fp8_e4m3"),
], ids=["gptq", "awq", "blocks of fp8", "nvfp4", "by its types alone"])
def test_other_methods_are_found_and_their_scales_stay_rows(tensors, configuration, name, quant_type, tmp_path):
    folder = saved(tmp_path / "model", {f"m.{ending}": tensor for ending, tensor in tensors.items()}, **configuration)
    row, scales, zeros = told(folder, f"m.{name}")
    assert row.quant_type == quant_type and scales is None and zeros is None
    with ParquetReader(tmp_path / "q.parquet") as reader:
        assert read_layout(reader.metadata).quantised == configuration.get("quant_method", "unknown")


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6), st.integers(-2, 2))
def test_scales_have_to_fit_their_groups(tmp_path_factory, outputs, groups, group, more):
    """What fits is read again as it was given, what does not is never written."""
    file = tmp_path_factory.mktemp("scales") / "w.parquet"
    scales = np.random.default_rng(0).random(max(0, outputs * groups + more), np.float32).tobytes()
    row = Row("w", (outputs, groups * group), "int8", bytes(outputs * groups * group), "int8", scales, scales, 0, group)

    def write():
        with ParquetWriter(file, version=2) as writer:
            writer.add(row)

    if len(scales) != 4 * outputs * groups:
        with pytest.raises(EdgeError, match="w: expected .* scales"):
            write()
        assert not any(file.parent.iterdir())
        return
    write()
    with WeightLoader(file) as loader:
        found = loader.info("w")
        assert (found.scales, found.zero_points, found.quant_axis, found.group_size) == (scales, scales, 0, group)


@pytest.mark.slow  # llm-compressor's imports take longer than all of this file
def test_what_llm_compressor_writes(tmp_path):
    from pipeline.runtime.torch_runtime import load_model
    from tests.compress.calibrated import round_to_nearest
    from tests.export.tiny_qwen3 import build

    folder = round_to_nearest(build(tmp_path / "base"), tmp_path / "model", bits=4, group=32, symmetric=False)
    name = "model.layers.0.self_attn.q_proj.weight"
    row, scales, zeros = told(folder, f"{name}_packed")
    with WeightLoader(tmp_path / "q.parquet") as loader:
        codes = unpack_from_int32(loader.tensor(f"{name}_packed"), 4, torch.Size((64, 64)))
    dequantised = (codes.reshape(64, 2, 32) - torch.tensor(zeros).reshape(64, 2, 1)) * torch.tensor(scales).reshape(64, 2, 1)
    assert torch.allclose(dequantised.reshape(64, 64), load_model(folder).get_parameter(name), atol=1e-6)
