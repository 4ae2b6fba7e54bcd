"""mlx-lm's convert, and that what it writes is a plain mlx-lm model directory as well: its own programs generate from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import mlx.core as mx
import pytest
import torch

from pipeline import specs
from pipeline.errors import EdgeError
from pipeline.export.mlx import VARIANTS
from pipeline.profile import load_profile
from pipeline.runtime import load
from pipeline.runtime.prompt import read_tokenizer, template
from pipeline.runtime.torch_runtime import load_model
from pipeline.store import Artifact
from tests.export.tiny_mlx import PREFIX, convert

TOKENS = 16
GENERATE = """
import json, sys
from mlx_lm import load, stream_generate
prompt, tokens, *models = map(json.loads, sys.argv[1:])
for model, tokenizer in map(load, models):
    for _ in range(2):
        print(json.dumps([one.token for one in stream_generate(model, tokenizer, prompt, max_tokens=tokens)]))
"""


def spec(directory: Path) -> dict:
    return json.loads((directory / "runtime.json").read_text())


def test_what_is_written(merged, mlx_4bit):
    assert {"config.json", "model.safetensors", "runtime.json", "tokenizer.json"} <= {file.name for file in mlx_4bit.iterdir()}
    assert not list(mlx_4bit.glob("*.md")) and not list(mlx_4bit.glob("*.py"))
    found = spec(mlx_4bit)
    assert found == {"backend": "mlx", "label_ids": found["label_ids"], "max_length": 64, "weights": VARIANTS["4bit"],
                     "prefix": read_tokenizer(merged).encode(PREFIX, add_special_tokens=False).ids}
    weights = mx.load(str(mlx_4bit / "model.safetensors"))
    assert weights["model.layers.0.self_attn.q_proj.weight"].dtype == mx.uint32
    assert {value.dtype for name, value in weights.items() if name.endswith((".scales", ".biases", "norm.weight"))} == {mx.bfloat16}
    assert weights["model.layers.0.mlp.down_proj.weight"].dtype == mx.bfloat16, "96 wide, no multiple of the group of 64: left alone"


def test_a_model_too_narrow_for_its_group(merged, tmp_path):
    with pytest.raises(EdgeError, match="expected a hidden_size that is a multiple of 128.*found 64"):
        convert(tmp_path, "narrow", merged, "4bit", group=128)
    assert not list((tmp_path / "narrow").iterdir())


def greedy(merged: Path, ids: list[int]) -> list[int]:
    made = load_model(merged).generate(torch.tensor([ids]), max_new_tokens=TOKENS, do_sample=False)
    return made[0, len(ids):].tolist()


def generated(ids: list[int], *models: Path) -> list[list[int]]:
    """What mlx-lm itself generates greedily after ``ids``, twice from each model."""
    arguments = [json.dumps(value) for value in (ids, TOKENS, *map(str, models))]
    done = subprocess.run([sys.executable, "-c", GENERATE, *arguments], capture_output=True, text=True, check=True,
                          env={**os.environ, "MLX_DISABLE_COMPILE": "1", "HF_HUB_OFFLINE": "1"})
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_mlx_lm_generates_from_the_directory(merged, mlx_fp32, mlx_4bit):
    ids = read_tokenizer(merged).encode(PREFIX + "今天天气怎么样" + template("").suffix, add_special_tokens=False).ids
    plain, plain_again, packed, packed_again = generated(ids, mlx_fp32, mlx_4bit)
    assert plain == plain_again == greedy(merged, ids)
    assert packed == packed_again and packed


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["bf16", "8bit", "mixed"])
def test_every_other_variant(merged, tmp_path, variant):
    directory = convert(tmp_path, variant, merged, variant)
    ids = spec(directory)["label_ids"]
    reference, candidate = load(merged, ids, 1), load(directory, ids, 1)
    prompt = [*spec(directory)["prefix"], *range(1, 20)]
    assert abs(reference.logits(prompt) - candidate.logits(prompt)).max() < {"bf16": 0.2, "8bit": 0.5, "mixed": 5}[variant]


def test_the_specs_tell_the_prompts_beginning():
    profile, merged = load_profile("reference"), Artifact("0" * 64, "merged", Path("nowhere"), {})
    assert specs.device_format(profile, merged, "mlx-4bit").config == {
        **VARIANTS["4bit"], "max_length": profile.prompt.max_length, "prefix": template(profile.prompt.system).prefix}
