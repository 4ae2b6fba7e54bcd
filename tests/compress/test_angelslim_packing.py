"""GPTQ's and AutoAWQ's layouts become compressed-tensors with the same codes, scales and zero points."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from compressed_tensors.compressors.pack_quantized.helpers import unpack_from_int32
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from pipeline.compress.angelslim.packing import INDEX, to_compressed_tensors
from pipeline.errors import EdgeError

STEM = "model.layers.0.mlp.up_proj"
AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]  # which of eight outputs stands in which four bits


def packed(codes: torch.Tensor, order: Sequence[int] = range(8)) -> torch.Tensor:
    """Codes [rows, 8 n] -> int32 [rows, n], of eight the first in the lowest bits."""
    eights = codes.reshape(len(codes), -1, 8)[:, :, list(order)].to(torch.int64)
    words = sum(eights[:, :, place] << 4 * place for place in range(8))
    return torch.where(words >= 2**31, words - 2**32, words).to(torch.int32)


def write(folder: Path, kind: str, group: int, tensors: dict[str, torch.Tensor]) -> Path:
    kept = {"model.norm.weight": torch.ones(4, dtype=torch.bfloat16)}
    save_file({f"{STEM}.{name}": tensor.contiguous() for name, tensor in tensors.items()} | kept, folder / "model.safetensors")
    quantization = {"quant_method": kind, "group_size": group, "bits": 4}
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen3", "quantization_config": quantization}))
    return folder


def drawn(outputs: int, groups: int, group: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Codes [outputs, inputs], scales and zero points [outputs, groups]."""
    torch.manual_seed(seed)
    return torch.randint(16, (outputs, groups * group)), torch.rand(outputs, groups) + 0.1, torch.randint(16, (outputs, groups))


def as_gptq(codes: torch.Tensor, scales: torch.Tensor, group: int) -> dict[str, torch.Tensor]:
    return {"qweight": packed(codes).T, "scales": scales.T, "g_idx": torch.arange(codes.shape[1], dtype=torch.int32) // group,
            "qzeros": packed(torch.full((scales.shape[1], len(codes)), 7))}


SHAPES = {"outputs": st.integers(1, 4).map(lambda n: 32 * n), "groups": st.integers(1, 4), "group": st.sampled_from([32, 64, 128]),
          "seed": st.integers(0, 99)}


@settings(max_examples=20, deadline=None)
@given(**SHAPES)
def test_gptq_keeps_codes_and_scales(outputs, groups, group, seed):
    codes, scales, _ = drawn(outputs, groups, group, seed)
    with TemporaryDirectory() as folder:
        to_compressed_tensors(write(Path(folder), "gptq", group, as_gptq(codes, scales, group)))
        found = load_file(Path(folder, "model.safetensors"))
        config = json.loads(Path(folder, "config.json").read_text())["quantization_config"]
    shape = torch.Size(found[f"{STEM}.weight_shape"].tolist())
    assert torch.equal(unpack_from_int32(found[f"{STEM}.weight_packed"], 4, shape) + 8, codes)
    assert torch.equal(found[f"{STEM}.weight_scale"], scales) and f"{STEM}.weight_zero_point" not in found
    assert found["model.norm.weight"].dtype == torch.bfloat16
    (scheme,) = config["config_groups"].values()
    assert scheme["weights"]["symmetric"] and scheme["weights"]["group_size"] == group and config["format"] == "pack-quantized"


@settings(max_examples=20, deadline=None)
@given(**SHAPES)
def test_awq_keeps_codes_scales_and_zero_points(outputs, groups, group, seed):
    codes, scales, zeros = drawn(outputs, groups, group, seed)
    held = {"qweight": packed(codes.T, AWQ_ORDER), "scales": scales.T.half(), "qzeros": packed(zeros.T, AWQ_ORDER)}
    with TemporaryDirectory() as folder:
        to_compressed_tensors(write(Path(folder), "awq", group, held))
        found = load_file(Path(folder, "model.safetensors"))
    shape = torch.Size(found[f"{STEM}.weight_shape"].tolist())
    assert torch.equal(unpack_from_int32(found[f"{STEM}.weight_packed"], 4, shape) + 8, codes)
    assert torch.equal(unpack_from_int32(found[f"{STEM}.weight_zero_point"], 4, zeros.shape, packed_dim=0) + 8, zeros)
    assert torch.equal(found[f"{STEM}.weight_scale"], scales.half())


@pytest.mark.parametrize(("name", "change", "says"), [
    ("g_idx", lambda order: order.flip(0), "expected inputs in the order of their groups"),
    ("qzeros", lambda zeros: zeros + 1, "expected codes around the middle, found zero points")])
def test_what_would_be_lost_is_refused(tmp_path, name, change, says):
    codes, scales, _ = drawn(32, 2, 32, 0)
    held = as_gptq(codes, scales, 32)
    with pytest.raises(EdgeError, match=f"{STEM}: {says}"):
        to_compressed_tensors(write(tmp_path, "gptq", 32, held | {name: change(held[name])}))


def test_shards_and_their_index_stay_together(tmp_path):
    codes, scales, _ = drawn(32, 2, 32, 0)
    write(tmp_path, "gptq", 32, as_gptq(codes, scales, 32))
    (tmp_path / "model.safetensors").rename(tmp_path / "one.safetensors")
    save_file({"lm_head.weight": torch.ones(2, 2)}, tmp_path / "two.safetensors")
    index = {name: file.name for file in tmp_path.glob("*.safetensors") for name in load_file(file)}
    (tmp_path / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": index}))
    to_compressed_tensors(tmp_path)
    held = {name: file.name for file in tmp_path.glob("*.safetensors") for name in load_file(file)}
    assert json.loads((tmp_path / INDEX).read_text())["weight_map"] == held and f"{STEM}.weight_packed" in held
