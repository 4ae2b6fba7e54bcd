"""mlx-lm trains the adapter: the answers alone, every row, as if it had not been broken off; and what it fuses is what it trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import specs
from pipeline.errors import EdgeError
from pipeline.profile import PROFILES, load_profile
from pipeline.runtime.torch_runtime import load_model
from pipeline.store import Artifact
from pipeline.train import adapter as lora
from pipeline.train import mlx_lora
from pipeline.train.merge import merge_adapter
from pipeline.train.mlx_batches import answer_loss, batches, evaluate, padded
from pipeline.train.mlx_fuse import check_fused, fuse_adapter
from tests.train.conftest import write_base

EPOCHS, BATCH, ROWS = 6, 8, {"train": 44, "validation": 12}  # 44 rows: the last batch of an epoch is not full


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with the base, the data, the adapter and the scratch folder of its training."""
    folder = tmp_path_factory.mktemp("mlx")
    write_base(folder / "base")
    for name, rows in ROWS.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(record(number), ensure_ascii=False) + "\n" for number in range(rows)))
    train(folder, folder / "adapter", folder / "scratch")
    return folder


def record(number: int) -> dict:
    intent, query = [("weather_query", "今天天气怎么样"), ("time_query", "现在几点了"), ("simple_qa", "中国的首都是哪里")][number % 3]
    return {"query": f"{query}{number}", "intent": intent, "should_route_to_cloud": False, "confidence_threshold": 0.6,
            "expected_output": {"intent": intent, "confidence": 0.9, "route": "local"}}


def train(folder: Path, out: Path, scratch: Path) -> None:
    config = {"prompt": {"system": "判断意图", "max_length": 128},
              "train": {"rank": 8, "alpha": 16, "dropout": 0.05, "target_modules": ["v_proj", "down_proj"], "layers": [1],
                        "learning_rate": 5e-2, "warmup": 0.0, "weight_decay": 0.1, "epochs": EPOCHS, "batch_size": BATCH, "seed": 42}}
    mlx_lora.train_adapter(out, scratch, base=folder / "base", train=folder / "train.jsonl", validation=folder / "validation.jsonl",
                           config=config)


def test_it_trains(trained):
    curves = json.loads((trained / "adapter" / "curves.json").read_text())
    assert [point["step"] for point in curves["train"]] == list(range(1, 6 * EPOCHS + 1))
    assert [point["step"] for point in curves["eval"]] == list(range(6, 6 * EPOCHS + 1, 6))
    losses = [point["loss"] for point in curves["eval"]]
    assert losses[-1] < losses[0] - 0.1, "a random base of this size can say no more than 0.5 of a logit"
    assert curves["rows"] == ROWS and curves["lora_parameters"] == 8 * ((32 + 16) + (64 + 32))
    for file in (trained / "adapter").rglob("*.json"):
        assert str(trained) not in file.read_text(), "no path of this machine"


def test_a_training_that_was_broken_off_goes_on(trained, tmp_path):
    scratch = Path(shutil.copytree(trained / "scratch", tmp_path / "scratch"))
    for step in (24, 30, 36):
        shutil.rmtree(scratch / "run" / f"checkpoint-{step}")
    (scratch / "run" / "partial").mkdir()  # killed while it wrote one
    train(trained, tmp_path / "out", scratch)
    assert (scratch / "mlx.log").read_text().count("\nstep 19 ") == 1 and "\nstep 18 " not in (scratch / "mlx.log").read_text()
    last = [folder / "run" / "checkpoint-36" / mlx_lora.WEIGHTS for folder in (scratch, trained / "scratch")]
    assert last[0].read_bytes() == last[1].read_bytes(), "the resumed run is the same run"


def test_another_training_does_not_go_on_from_it(trained, tmp_path, monkeypatch):
    scratch = Path(shutil.copytree(trained / "scratch", tmp_path / "scratch"))
    (scratch / "identity.json").write_text("{}")
    monkeypatch.setattr(mlx_lora, "run_mlx", lambda *_, **__: None)
    with pytest.raises(EdgeError, match="expected a directory with a training's curves"):
        train(trained, tmp_path / "out", scratch)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def fused(trained):
    out = trained / "fused"
    out.mkdir()
    fuse_adapter(out, trained / "fuse", base=trained / "base", adapter=trained / "adapter")
    return out


def test_what_is_fused_is_what_peft_merges(trained, fused, tmp_path):
    merge_adapter(tmp_path / "merged", base=trained / "base", adapter=trained / "adapter")
    ids = torch.arange(1, 30)[None]
    by_peft, by_mlx, base = (load_model(one)(input_ids=ids).logits for one in (tmp_path / "merged", fused, trained / "base"))
    assert (by_peft - by_mlx).abs().max() < 1e-4 < 1e-2 < (by_mlx - base).abs().max()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        assert (fused / name).read_bytes() == (trained / "base" / name).read_bytes()


@pytest.mark.parametrize("scale", [20.0, 2.001])
def test_a_wrong_scale_is_found(trained, fused, tmp_path, scale):
    """By the check after fusing, here on the weights that mlx-lm would have made: its default scale is 20."""
    adapter = Path(shutil.copytree(trained / "adapter", tmp_path / "adapter"))
    config = json.loads((adapter / lora.CONFIG).read_text())
    (adapter / lora.CONFIG).write_text(json.dumps({**config, "lora_alpha": scale * config["r"]}))
    with pytest.raises(EdgeError, match="to be the base's plus the adapter's update"):
        check_fused(fused, base=trained / "base", adapter=adapter)


@pytest.mark.slow
def test_mlx_lm_fuses_with_its_default_scale_and_is_found_out(trained, tmp_path):
    adapter = Path(shutil.copytree(trained / "adapter", tmp_path / "adapter"))
    file = adapter / mlx_lora.FOLDER / "adapter_config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps(config | {"lora_parameters": config["lora_parameters"] | {"scale": 20.0}}))
    with pytest.raises(EdgeError, match="to be the base's plus the adapter's update"):
        fuse_adapter(tmp_path / "out", tmp_path / "scratch", base=trained / "base", adapter=adapter)
    assert not (tmp_path / "out").exists()


rows_of = st.lists(st.integers(1, 5).flatmap(lambda answered: st.tuples(
    st.lists(st.integers(1, 9), min_size=answered + 1, max_size=20), st.just(answered))), min_size=1, max_size=9)


class Constant(nn.Module):
    """Gives every token the same logits after whatever was read."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = mx.random.normal((10,), key=mx.random.key(0))

    def __call__(self, ids: mx.array) -> mx.array:
        return mx.broadcast_to(self.logits, (*ids.shape, 10))


@settings(deadline=None)
@given(rows_of)
def test_the_answers_alone_are_trained_and_no_pad(rows):
    model = Constant()
    losses = [float(-nn.log_softmax(model.logits)[token].item()) for ids, answered in rows for token in ids[-answered:]]
    loss, tokens = answer_loss(model, *padded(rows))
    assert tokens.item() == len(losses) == sum(answered for _, answered in rows)
    assert loss.item() == pytest.approx(np.mean(losses), rel=1e-4)
    right = [token == int(mx.argmax(model.logits).item()) for ids, answered in rows for token in ids[-answered:]]
    assert evaluate(model, rows, 2) == pytest.approx({"loss": np.mean(losses), "token_accuracy": np.mean(right)}, rel=1e-4)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 60))
def test_every_row_comes_once_an_epoch_wherever_it_goes_on(count, size, done):
    rows = [([number + 1, 99], 1) for number in range(count)]
    epoch = -(-count // size)
    steps = [sorted(np.array(ids)[:, 0].tolist()) for ids, _ in (next(feed) for feed in [batches(rows, size, 7, 0)] for _ in range(epoch))]
    assert sorted(sum(steps, [])) == [ids[0] for ids, _ in rows]
    from_start, later = batches(rows, size, 7, 0), batches(rows, size, 7, done)
    for _ in range(done):
        next(from_start)
    np.testing.assert_array_equal(next(from_start)[0], next(later)[0])


def test_a_base_that_is_quantised_already(trained, tmp_path):
    base = Path(shutil.copytree(trained / "base", tmp_path / "base"))
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"quantization": {"bits": 4, "group_size": 64}}))
    for name in ROWS:
        shutil.copy(trained / f"{name}.jsonl", tmp_path)
    with pytest.raises(EdgeError, match="found them quantised by MLX; give the model that was converted"):
        train(tmp_path, tmp_path / "out", tmp_path / "scratch")
    assert not (tmp_path / "out").exists()


def test_the_trainer_is_the_profiles_choice():
    """And the default's keys are what they were before there was a choice."""
    base, data = (Artifact(digit * 64, "x", Path("nowhere"), {}) for digit in "01")
    default = load_profile("reference")
    chosen = default.model_copy(update={"train": default.train.model_copy(update={"trainer": "mlx"})})
    by_swift, by_mlx = specs.adapter(default, base, data), specs.adapter(chosen, base, data)
    assert "trainer" not in by_swift.config["train"] and by_swift.code == ("pipeline.train.sft",)
    assert by_mlx.config == by_swift.config and by_mlx.code == ("pipeline.train.mlx_lora", "pipeline.train.mlx_trainer")
    assert "mlx" in by_mlx.libraries and "ms-swift" not in by_mlx.libraries
    assert load_profile(str(PROFILES / "qwen3-0.6b-mlx-4bit.yaml"), "/nowhere").train.trainer == "mlx"
