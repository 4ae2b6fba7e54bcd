"""MLX decides as torch does on the same weights, whatever it read before, and refuses what is not its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.edge.classifier import Classifier
from pipeline.errors import EdgeError
from pipeline.runtime import load, mlx_runtime, why_not_here
from pipeline.runtime.mlx_runtime import MlxRuntime
from pipeline.runtime.torch_runtime import TorchRuntime, load_model

ROOT = Path(__file__).parents[2]
QUERIES = ["今天天气怎么样", "现在几点了", "如果明天下雨，我应该带伞还是穿雨衣？", "hello", "讲个笑话吧" * 30]


def spec(directory: Path) -> dict:
    return json.loads((directory / "runtime.json").read_text())


def opened(directory: Path) -> MlxRuntime:
    return load(directory, spec(directory)["label_ids"], 1)


def prompt(directory: Path, rest: list[int]) -> list[int]:
    return [*spec(directory)["prefix"], *rest]


def edit(where: Path, /, **fields: object) -> None:
    where.write_text(json.dumps({**json.loads(where.read_text()), **fields}))


def largest_difference(one, other, directory: Path) -> float:
    prompts = [prompt(directory, list(range(1, length + 1))) for length in (1, 2, 9, 30)]
    return max(float(np.abs(one.logits(ids) - other.logits(ids)).max()) for ids in prompts)


def test_mlx_and_torch_decide_alike(merged, mlx_fp32, decision):
    reference, candidate = (Classifier.open(model, decision, 1) for model in (merged, mlx_fp32))
    for query in QUERIES:
        np.testing.assert_allclose(candidate.logits(query), reference.logits(query), atol=1e-4)
        one, other = reference.decide(query), candidate.decide(query)
        assert (one.intent, one.route, one.truncated) == (other.intent, other.route, other.truncated)
    expected = "mlx-metal" if mx.default_device() == mx.gpu else "mlx-cpu"
    assert (candidate.runtime.backend, candidate.runtime.provider) == ("mlx", expected)


def dequantised(directory: Path, merged: Path) -> TorchRuntime:
    """torch over the values that the directory's packed weights stand for, by mx.dequantize on the file itself."""
    packed, state = mx.load(str(directory / "model.safetensors")), {}
    how = json.loads((directory / "config.json").read_text())["quantization"]
    for name, value in packed.items():
        if name.endswith((".scales", ".biases")):
            continue
        if (scales := packed.get(name.replace(".weight", ".scales"))) is not None:
            value = mx.dequantize(value, scales.astype(mx.float32), packed[name.replace(".weight", ".biases")].astype(mx.float32),
                                  group_size=how["group_size"], bits=how["bits"])
        state[name] = torch.from_numpy(np.array(value.astype(mx.float32)))
    model = load_model(merged)
    model.load_state_dict({**state, "lm_head.weight": state["model.embed_tokens.weight"]})
    return TorchRuntime(model, spec(directory)["label_ids"])


def test_four_bits_are_what_their_dequantised_weights_are(merged, mlx_4bit):
    assert largest_difference(opened(mlx_4bit), dequantised(mlx_4bit, merged), mlx_4bit) < 1e-4
    assert largest_difference(opened(mlx_4bit), load(merged, spec(mlx_4bit)["label_ids"], 1), mlx_4bit) > 0.05, "and not the original's"


def test_a_swapped_projection_is_seen(merged, mlx_fp32, tmp_path):
    broken = Path(shutil.copytree(mlx_fp32, tmp_path / "broken"))
    weights = mx.load(str(mlx_fp32 / "model.safetensors"))
    gate, up = (f"model.layers.1.mlp.{name}_proj.weight" for name in ("gate", "up"))
    mx.save_safetensors(str(broken / "model.safetensors"), {**weights, gate: weights[up], up: weights[gate]})
    assert largest_difference(opened(broken), load(merged, spec(broken)["label_ids"], 1), broken) > 0.01


@pytest.fixture(scope="module")
def without_cache(mlx_fp32, tmp_path_factory) -> MlxRuntime:
    """The same model, which reads every prompt from its start."""
    whole = Path(shutil.copytree(mlx_fp32, tmp_path_factory.mktemp("mlx") / "whole"))
    edit(whole / "runtime.json", prefix=[])
    return opened(whole)


@pytest.fixture(scope="module")
def with_cache(mlx_fp32) -> MlxRuntime:
    return opened(mlx_fp32)


rests = st.lists(st.integers(0, 300), min_size=1, max_size=40)


@settings(max_examples=30, deadline=None)
@given(rests, rests)
def test_the_cached_beginning_changes_nothing(mlx_fp32, with_cache, without_cache, rest, other):
    """Nor does what was asked before: the very same numbers come back."""
    ids = prompt(mlx_fp32, rest)
    first = with_cache.logits(ids)
    np.testing.assert_allclose(first, without_cache.logits(ids), atol=1e-4)
    with_cache.logits(prompt(mlx_fp32, other))
    np.testing.assert_array_equal(with_cache.logits(ids), first)


def test_a_stale_cache_is_seen(mlx_fp32, without_cache, monkeypatch):
    runtime = opened(mlx_fp32)
    kept = runtime._caches()
    monkeypatch.setattr(runtime, "_caches", lambda: kept)
    ids = prompt(mlx_fp32, [5, 6, 7])
    runtime.logits(ids)
    assert np.abs(runtime.logits(ids) - without_cache.logits(ids)).max() > 0.01


def test_threads_take_turns(mlx_fp32, with_cache):
    prompts = [prompt(mlx_fp32, list(range(1, 2 + number % 20))) for number in range(80)]
    alone = [with_cache.logits(ids) for ids in prompts]
    with ThreadPoolExecutor(4) as pool:
        np.testing.assert_array_equal(list(pool.map(with_cache.logits, prompts)), alone)


SERVE = """
import json, resource, sys
from pathlib import Path
from pipeline.edge.classifier import Classifier
limit = resource.getrlimit(resource.RLIMIT_NOFILE)
found = Classifier.open(Path(sys.argv[1]), Path(sys.argv[2]), 1).decide("今天天气怎么样").to_json()
print(json.dumps({"found": found, "modules": sorted({name.split(".")[0] for name in sys.modules}),
                  "limit_kept": resource.getrlimit(resource.RLIMIT_NOFILE) == limit}))
"""


def test_what_serves_needs_neither_torch_nor_transformers(mlx_4bit, decision):
    done = subprocess.run([sys.executable, "-c", SERVE, str(mlx_4bit), str(decision)], cwd=ROOT, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert answer["found"]["query"] == "今天天气怎么样" and answer["limit_kept"]
    assert not {"torch", "transformers", "mlx_lm", "huggingface_hub", "onnxruntime", "scipy", "yaml"} & set(answer["modules"])
    assert done.stderr == ""


def test_a_prompt_with_another_beginning(mlx_fp32, with_cache):
    for ids in ([9, 9, 9], spec(mlx_fp32)["prefix"], [], prompt(mlx_fp32, [1] * 64)):
        with pytest.raises(EdgeError, match="expected (a prompt that goes on|1 to 64 token ids)"):
            with_cache.logits(ids)


def test_where_mlx_is_missing(mlx_fp32, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlx.core", None)
    assert "a Mac with Apple silicon" in why_not_here("mlx")
    with pytest.raises(EdgeError, match="MLX does not start here"):
        opened(mlx_fp32)


def test_where_mlx_lm_is_missing(monkeypatch):
    monkeypatch.setattr(mlx_runtime, "find_spec", lambda name: None)
    assert "install mlx-lm" in why_not_here("mlx")


def truncate(directory: Path) -> None:
    file = directory / "model.safetensors"
    file.write_bytes(file.read_bytes()[:20_000])


def drop_a_weight(directory: Path) -> None:
    weights = mx.load(str(directory / "model.safetensors"))
    mx.save_safetensors(str(directory / "model.safetensors"), {name: value for name, value in weights.items() if "0.mlp.up" not in name})


@pytest.mark.parametrize(("fault", "says"), [
    (truncate, "expected an MLX model, found .*exceeding the size of the file"),
    (lambda d: (d / "model.safetensors").write_bytes(b""), "expected an MLX model"),
    (drop_a_weight, "expected an MLX model, found Missing 1 parameters: model.layers.0.mlp.up_proj.weight"),
    (lambda d: (d / "model.safetensors").unlink(), "expected weights, model.safetensors"),
    (lambda d: (d / "config.json").unlink(), "expected config.json"),
    (lambda d: (d / "config.json").write_text("{"), "expected a model's configuration as JSON"),
    (lambda d: edit(d / "config.json", model_type="../../evil"), "expected model_type qwen3"),
    (lambda d: edit(d / "config.json", hidden_size="64"), "expected an MLX model"),
    (lambda d: edit(d / "config.json", num_hidden_layers=3), "expected an MLX model"),
    (lambda d: edit(d / "config.json", quantization={"bits": 4}), "expected an MLX model"),
    (lambda d: edit(d / "config.json", quantization={"bits": 8, "group_size": 64}), "expected an MLX model"),
    (lambda d: edit(d / "config.json", quantization=[]), "expected an MLX model"),
    (lambda d: edit(d / "runtime.json", label_ids=[1, 2, 3, 4, 5, 6]), "expected a model for the label ids"),
    (lambda d: edit(d / "runtime.json", prefix="abc"), "expected the prefix as a list of token ids"),
    (lambda d: edit(d / "runtime.json", prefix=[10**9]), "below the vocabulary's"),
    (lambda d: edit(d / "runtime.json", max_length=-1), "expected a positive max_length"),
])
def test_a_broken_directory(mlx_4bit, tmp_path, fault, says):
    ids, directory = spec(mlx_4bit)["label_ids"], Path(shutil.copytree(mlx_4bit, tmp_path / "broken"))
    fault(directory)
    with pytest.raises(EdgeError, match=says) as caught:
        load(directory, ids, 1)
    assert "\n" not in str(caught.value)
