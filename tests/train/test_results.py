"""A training that ended with exit code 0 and still went wrong is caught."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from pipeline.errors import EdgeError
from pipeline.train import adapter as lora
from pipeline.train import results
from pipeline.train.checkpoints import newest_whole

STEPS, EPOCH = 20, 10
BASE = {f"model.layers.{layer}.self_attn.{name}.weight": shape
        for layer in range(2) for name, shape in (("q_proj", (32, 16)), ("v_proj", (8, 16)), ("o_proj", (16, 32)))}
RANK, ALPHA = 4, 8
EXPECTED = lora.expected_shapes(BASE, lora.linear_modules(BASE, ["q_proj", "v_proj"]), RANK)


def history(losses: list[float]) -> list[dict[str, Any]]:
    train = [{"step": step, "loss": loss, "grad_norm": 1.0, "learning_rate": 1e-3, "token_acc": 0.7}
             for step, loss in enumerate(losses, start=1)]
    ends = [{"step": step, "epoch": step / EPOCH, "eval_loss": 1.0 / step, "eval_token_acc": 0.8}
            for step in (EPOCH, STEPS, STEPS)]
    return train + ends


@pytest.fixture
def summary() -> dict[str, Any]:
    return {"log_history": history([2.0 - 0.05 * step for step in range(STEPS)]),
            "train_dataset": "47.98±5.99, min=41.000000, max=56.000000, size=64",
            "val_dataset": "47.70±6.08, min=41.000000, max=55.000000, size=10"}


def check(summary: dict[str, Any]) -> None:
    results.check_curves(results.curves(summary), steps=STEPS, steps_per_epoch=EPOCH)


def test_sound_training_passes(summary: dict[str, Any], tmp_path: Path) -> None:
    log = tmp_path / "logging.jsonl"
    log.write_text('{"loss": 2.0}\n' + json.dumps(summary) + "\n")
    read = results.read_summary(log)
    check(read)
    results.check_rows(read, {"train": 64, "validation": 10}, 128)
    points = results.curves(read)
    assert [point["step"] for point in points["eval"]] == [EPOCH, STEPS], "the final evaluation is logged twice"
    assert results.best_step(points, 10) == STEPS


@given(accuracies=st.lists(st.floats(0, 1), min_size=1, max_size=12), rows=st.integers(1, 10_000))
def test_best_checkpoint_is_the_last_that_is_not_worse_than_the_most_accurate(accuracies: list[float], rows: int) -> None:
    points = {"train": [], "eval": [{"step": step, "loss": 1.0, "token_accuracy": right} for step, right in enumerate(accuracies)]}
    best, top = results.best_step(points, rows), max(accuracies)
    assert best >= max(step for step, right in enumerate(accuracies) if right == top)
    # A standard error of the difference of two shares is largest at a half.
    assert accuracies[best] >= top - math.sqrt(1 / (2 * rows))


@pytest.mark.parametrize(("accuracies", "best"), [
    ([0.90, 0.95, 0.94], 2),  # one of a hundred less is luck
    ([0.90, 0.95, 0.80], 1),  # training fell apart after the second
    ([0.90, 1.00, 0.99], 2),
])
def test_a_peak_by_luck_is_not_best_and_a_decline_is_seen(accuracies: list[float], best: int) -> None:
    points = {"train": [], "eval": [{"step": step, "loss": 1.0, "token_accuracy": right} for step, right in enumerate(accuracies)]}
    assert results.best_step(points, 100) == best


@given(step=st.integers(0, STEPS - 1), name=st.sampled_from(["loss", "grad_norm"]),
       value=st.sampled_from([float("nan"), float("inf"), None]))
def test_nan_at_any_step(step: int, name: str, value: float | None) -> None:
    broken = history([2.0 - 0.05 * step for step in range(STEPS)])
    broken[step] |= {name: value}
    with pytest.raises(EdgeError, match=f"{name} .* at step {step + 1};"):
        check({"log_history": broken})


def test_nan_as_ms_swift_logs_it(summary: dict[str, Any]) -> None:
    summary["log_history"][5] |= {"loss": 0.0, "grad_norm": float("nan")}
    with pytest.raises(EdgeError, match="at step 6"):
        check(summary)


def test_nan_in_evaluation(summary: dict[str, Any]) -> None:
    summary["log_history"][-1]["eval_loss"] = float("nan")
    with pytest.raises(EdgeError, match=f"at step {STEPS}"):
        check(summary)


def test_loss_that_does_not_fall() -> None:
    with pytest.raises(EdgeError, match="loss to fall"):
        check({"log_history": history([1.0] * STEPS)})


def test_step_without_a_log(summary: dict[str, Any]) -> None:
    del summary["log_history"][3]
    with pytest.raises(EdgeError, match="each of 20 steps, found 19"):
        check(summary)


@pytest.mark.parametrize(("rows", "because"), [
    ({"train": 65, "validation": 10}, "train data: .* found 64"),
    ({"train": 64, "validation": 11}, "validation data: .* found 10"),
])
def test_dropped_rows(summary: dict[str, Any], rows: dict[str, int], because: str) -> None:
    with pytest.raises(EdgeError, match=because):
        results.check_rows(summary, rows, 128)


def test_row_longer_than_allowed(summary: dict[str, Any]) -> None:
    with pytest.raises(EdgeError, match="at most 50 tokens"):
        results.check_rows(summary, {"train": 64, "validation": 10}, 50)


@pytest.mark.parametrize("text", ["", '{"loss": 2.0}\n', '{"log_hist'])
def test_run_without_a_summary(tmp_path: Path, text: str) -> None:
    log = tmp_path / "logging.jsonl"
    log.write_text(text)
    with pytest.raises(EdgeError, match="summary"):
        results.read_summary(log)


@pytest.mark.parametrize(("ids", "labels", "good"), [
    ([5, 6, 7], [-100, -100, 7], True),
    ([5, 7], [-100, 7], False),  # the empty think block is missing
    ([5, 6, 7], [-100, 6, 7], False),  # the prompt is trained too
    ([5, 6, 7, 8, 9], [-100, -100, 7, 8, 9], False),  # the end is trained too: accuracy would have a floor
    ([1, 2, 3, 4], [-100, 2, 3, 4], True),  # an answer of three tokens
    ([1, 2, 3, 4], [-100, -100, 3, 4], False),
])
def test_row_that_ms_swift_trains(tmp_path: Path, ids: list[int], labels: list[int], good: bool) -> None:
    log = tmp_path / "sft.log"
    log.write_text(f"[INFO:swift] [INPUT_IDS] {ids}\n[INFO:swift] [LABELS_IDS] {labels}\n")
    if good:
        results.check_first_row(log, {(5, 6, 7): 1, (1, 2, 3, 4): 3})
    else:
        with pytest.raises(EdgeError, match="the runtime's prompt"):
            results.check_first_row(log, {(5, 6, 7): 1, (1, 2, 3, 4): 3})


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    save_file({name: np.ones(shape, np.float32) for name, shape in EXPECTED.items()}, tmp_path / lora.WEIGHTS)
    (tmp_path / lora.CONFIG).write_text(json.dumps({"peft_type": "LORA", "r": RANK, "lora_alpha": float(ALPHA), "bias": "none"}))
    return tmp_path


def test_sound_adapter(adapter: Path) -> None:
    lora.check_adapter(adapter, EXPECTED, rank=RANK, alpha=ALPHA)
    assert lora.lora_parameters(adapter) == 2 * 4 * ((32 + 16) + (8 + 16))


def test_modules_of_some_layers() -> None:
    modules = lora.linear_modules(BASE, ["q_proj", "v_proj"], [1])
    assert modules == ["model.layers.1.self_attn.q_proj", "model.layers.1.self_attn.v_proj"]
    assert {name.rpartition(".lora_")[0] for name in lora.expected_shapes(BASE, modules, RANK)} == \
        {f"base_model.model.{module}" for module in modules}


@pytest.mark.parametrize(("names", "layers"), [(["q_proj"], [0, 2]), (["q_proj", "w_proj"], [1]), (["w_proj"], None)])
def test_modules_that_the_base_lacks(names: list[str], layers: list[int] | None) -> None:
    with pytest.raises(EdgeError, match="correct target_modules or layers"):
        lora.linear_modules(BASE, names, layers)


def drop_module(tensors: dict[str, Any]) -> None:
    for name in [name for name in tensors if "layers.1.self_attn.v_proj" in name]:
        del tensors[name]


def add_module(tensors: dict[str, Any]) -> None:
    tensors["base_model.model.model.layers.0.self_attn.o_proj.lora_A.weight"] = np.ones((4, 32), np.float32)


def halve_rank(tensors: dict[str, Any]) -> None:
    for name in tensors:
        tensors[name] = np.ascontiguousarray(tensors[name][:2] if ".lora_A." in name else tensors[name][:, :2])


def zero_b(tensors: dict[str, Any]) -> None:
    for name in tensors:
        tensors[name] *= ".lora_A." in name


def plant_nan(tensors: dict[str, Any]) -> None:
    next(iter(tensors.values()))[0, 0] = np.nan


@pytest.mark.parametrize(("fault", "because"), [
    (drop_module, "2 missing.*layers.1.self_attn.v_proj"),
    (add_module, "1 missing, unknown.*o_proj"),
    (halve_rank, "8 missing, unknown"),
    (zero_b, "zeros alone"),
    (plant_nan, "NaN"),
])
def test_faulty_adapter(adapter: Path, fault: Any, because: str) -> None:
    tensors = load_file(adapter / lora.WEIGHTS)
    fault(tensors)
    save_file(tensors, adapter / lora.WEIGHTS)
    with pytest.raises(EdgeError, match=because):
        lora.check_adapter(adapter, EXPECTED, rank=RANK, alpha=ALPHA)


@pytest.mark.parametrize("change", [{"r": 8}, {"lora_alpha": 16}, {"use_dora": True}, {"bias": "all"}])
def test_other_configuration(adapter: Path, change: dict[str, Any]) -> None:
    file = adapter / lora.CONFIG
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(EdgeError):
        lora.check_adapter(adapter, EXPECTED, rank=RANK, alpha=ALPHA)


def write_checkpoint(output: Path, step: int) -> Path:
    import torch

    folder = output / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    save_file({"a": np.ones(3, np.float32)}, folder / lora.WEIGHTS)
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        torch.save({"state": [1, 2, 3]}, folder / name)
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    return folder


FILES = [lora.WEIGHTS, "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("keep", [None, 0, 0.5])
def test_half_written_checkpoint_is_skipped(tmp_path: Path, name: str, keep: float | None) -> None:
    older, newer = write_checkpoint(tmp_path, 9), write_checkpoint(tmp_path, 10)
    assert newest_whole(tmp_path) == newer
    content = (newer / name).read_bytes()
    (newer / name).unlink()
    if keep is not None:
        (newer / name).write_bytes(content[: int(len(content) * keep)])
    assert newest_whole(tmp_path) == older


def test_no_checkpoint(tmp_path: Path) -> None:
    assert newest_whole(tmp_path / "nowhere") is None
