"""The merged model is base + (alpha/r) * B @ A, and the check sees when it is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.digest import file_digest
from pipeline.errors import EdgeError
from pipeline.train import adapter as lora
from pipeline.train.merge import check_merge, merge_adapter
from pipeline.train.weights import shapes, weight_files

Make = Callable[..., Path]
TARGET = "model.layers.1.self_attn.q_proj.weight"
OTHER = "model.layers.1.mlp.up_proj.weight"


@pytest.fixture
def adapter(pristine_base: Path, tmp_path: Path) -> Path:
    """Rank 4, alpha 8 on q_proj and v_proj, random."""
    folder = tmp_path / "adapter"
    folder.mkdir()
    generator = torch.Generator().manual_seed(1)
    base = shapes(weight_files(pristine_base))
    expected = lora.expected_shapes(base, lora.linear_modules(base, ["q_proj", "v_proj"]), 4)
    save_file({name: 0.02 * torch.randn(shape, generator=generator) for name, shape in expected.items()},
              folder / lora.WEIGHTS)
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, "lora_dropout": 0.05,
              "target_modules": ["q_proj", "v_proj"], "base_model_name_or_path": "tiny", "inference_mode": True}
    (folder / lora.CONFIG).write_text(json.dumps(config))
    return folder


@pytest.fixture
def merged(pristine_base: Path, adapter: Path, tmp_path: Path) -> Path:
    merge_adapter(tmp_path / "merged", base=pristine_base, adapter=adapter)
    return tmp_path / "merged"


def test_merge_is_exact(pristine_base: Path, adapter: Path, merged: Path) -> None:
    before, after = load_file(pristine_base / "model.safetensors"), load_file(merged / "model.safetensors")
    factors = load_file(adapter / lora.WEIGHTS)
    name = lora.lora_name(TARGET)
    update = 2 * (factors[f"{name}.lora_B.weight"] @ factors[f"{name}.lora_A.weight"])
    assert torch.equal(after[TARGET], before[TARGET] + update)
    assert torch.equal(after[OTHER], before[OTHER])
    assert "lm_head.weight" not in after, "tied embeddings stay one tensor"


def test_merged_directory_is_the_bases(pristine_base: Path, merged: Path) -> None:
    names = {file.name for file in pristine_base.iterdir()}
    assert {file.name for file in merged.iterdir()} == names
    assert all(file.stat().st_mode & 0o777 == 0o644 for file in merged.iterdir())
    for name in names - {"model.safetensors"}:
        assert (merged / name).read_bytes() == (pristine_base / name).read_bytes()


def test_bfloat16_stays_bfloat16(base: Path, adapter: Path, tmp_path: Path) -> None:
    file = base / "model.safetensors"
    save_file({name: tensor.bfloat16() for name, tensor in load_file(file).items()}, file, {"format": "pt"})
    settings = json.loads((base / "config.json").read_text()) | {"dtype": "bfloat16"}
    (base / "config.json").write_text(json.dumps(settings))
    merge_adapter(tmp_path / "merged", base=base, adapter=adapter)
    tensors = load_file(tmp_path / "merged" / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}


def test_base_whose_file_holds_the_tied_head_too(base: Path, adapter: Path, merged: Path, tmp_path: Path) -> None:
    tensors = load_file(base / "model.safetensors")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
    save_file(tensors, base / "model.safetensors", {"format": "pt"})
    merge_adapter(tmp_path / "again", base=base, adapter=adapter)
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == (merged / "model.safetensors").read_bytes()


@pytest.mark.parametrize("name", [TARGET, OTHER])
def test_weight_off_by_a_thousandth(pristine_base: Path, adapter: Path, merged: Path, name: str) -> None:
    tensors = load_file(merged / "model.safetensors")
    tensors[name][3, 5] += 1e-3
    save_file(tensors, merged / "model.safetensors", {"format": "pt"})
    with pytest.raises(EdgeError, match=f"{name} .* off by"):
        check_merge(merged, base=pristine_base, adapter=adapter)


def test_adapter_not_applied(pristine_base: Path, adapter: Path, merged: Path) -> None:
    shutil.copyfile(pristine_base / "model.safetensors", merged / "model.safetensors")
    with pytest.raises(EdgeError, match="plus the adapter's update"):
        check_merge(merged, base=pristine_base, adapter=adapter)


def test_other_dtype(pristine_base: Path, adapter: Path, merged: Path) -> None:
    tensors = {name: tensor.half() for name, tensor in load_file(merged / "model.safetensors").items()}
    save_file(tensors, merged / "model.safetensors", {"format": "pt"})
    with pytest.raises(EdgeError, match="off by nan"):
        check_merge(merged, base=pristine_base, adapter=adapter)


def test_untied_head(pristine_base: Path, adapter: Path, merged: Path) -> None:
    tensors = load_file(merged / "model.safetensors")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
    save_file(tensors, merged / "model.safetensors", {"format": "pt"})
    with pytest.raises(EdgeError, match="lm_head"):
        check_merge(merged, base=pristine_base, adapter=adapter)


def test_merged_into_a_wrong_base(make_base: Make, adapter: Path, merged: Path, tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="off by"):
        check_merge(merged, base=make_base(tmp_path / "other", seed=1), adapter=adapter)


def test_wrong_base_of_the_same_shape_is_refused(
    make_base: Make, pristine_base: Path, adapter: Path, tmp_path: Path
) -> None:
    trained_on = {"base": {"model.safetensors": file_digest(pristine_base / "model.safetensors")}}
    (adapter / "training_args.json").write_text(json.dumps(trained_on))
    merge_adapter(tmp_path / "right", base=pristine_base, adapter=adapter)
    with pytest.raises(EdgeError, match="was trained on"):
        merge_adapter(tmp_path / "wrong", base=make_base(tmp_path / "other", seed=1), adapter=adapter)
    assert not (tmp_path / "wrong").exists()


def test_base_of_another_shape(make_base: Make, adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="trained on"):
        merge_adapter(tmp_path / "merged", base=make_base(tmp_path / "other", hidden=64), adapter=adapter)


def test_base_with_fewer_layers(make_base: Make, adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="trained on"):
        merge_adapter(tmp_path / "merged", base=make_base(tmp_path / "other", layers=1), adapter=adapter)
