"""The functions' training: whole on a small base, by ms-swift's LoRA on any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.data.functions.examples import read_examples
from pipeline.data.functions.generate import generate
from pipeline.edge.functions import END_OF_TURN
from pipeline.errors import EdgeError
from pipeline.runtime.torch_runtime import load_model
from pipeline.train import whole
from pipeline.train.function_rows import read_rows
from pipeline.train.sft import train_adapter
from pipeline.train.whole import train_whole

CONFIG = {"max_length": 220, "seed": 1, "matrix_lr": 0.02, "other_lr": 3e-3, "tokens": 2048}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return generate(tmp_path_factory.mktemp("functions"), seed=1, train=60, validation=5, test=5)


@pytest.fixture
def trained(pristine_base: Path, data: dict[str, Path], tmp_path: Path) -> Path:
    out = tmp_path / "whole"
    out.mkdir()
    train_whole(out, tmp_path / "scratch", base=pristine_base, train=data["train"], validation=data["validation"], config=CONFIG)
    return out


def rows_of(data: dict[str, Path], base: Path) -> dict[str, int]:
    return {split: len(read_rows(data[split], base, CONFIG)) for split in ("train", "validation")}


def test_a_base_trained_whole_has_learnt_and_can_be_opened(trained: Path, pristine_base: Path, data: dict[str, Path]) -> None:
    curves = json.loads((trained / "curves.json").read_text())
    losses = [point["loss"] for point in curves["train"]]
    assert sum(losses[-3:]) < sum(losses[:3])
    assert curves["rows"] == rows_of(data, pristine_base) and 0 <= curves["eval"][0]["token_accuracy"] <= 1
    assert (trained / "tokenizer.json").read_bytes() == (pristine_base / "tokenizer.json").read_bytes()
    before, after = (load_model(folder).model.layers for folder in (pristine_base, trained))
    assert len(after) == len(before) + 2 and not before[0].self_attn.q_proj.weight.equal(after[2].self_attn.q_proj.weight)


def test_the_same_seed_gives_the_same_weights(trained: Path, pristine_base: Path, data: dict[str, Path], tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    train_whole(again, tmp_path / "scratch-2", base=pristine_base, train=data["train"], validation=data["validation"], config=CONFIG)
    assert (again / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()


def test_every_follow_up_of_a_conversation_is_a_row(pristine_base: Path, data: dict[str, Path]) -> None:
    later = [len(example.edits.split("\n")) if example.edits else 1 for example in read_examples(data["train"])]
    assert rows_of(data, pristine_base)["train"] == sum(later) > len(later)


def test_only_the_answer_is_trained(pristine_base: Path, data: dict[str, Path]) -> None:
    for row in read_rows(data["validation"], pristine_base, CONFIG):
        weights = whole._encoded(row).weights
        assert len(weights) == len(row.ids) and weights == [0.0] * (len(row.ids) - row.answered) + [1.0] * row.answered
        assert row.conversation["messages"][-1]["content"].endswith(END_OF_TURN)


def test_a_large_base_is_refused(pristine_base: Path, data: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "LARGE", 10)
    with pytest.raises(EdgeError, match="train it by LoRA"):
        train_whole(tmp_path, tmp_path, base=pristine_base, train=data["train"], validation=data["validation"], config=CONFIG)


def test_an_example_that_does_not_fit_is_named(pristine_base: Path, data: dict[str, Path]) -> None:
    with pytest.raises(EdgeError, match=r"train\.jsonl:\d+: expected at most 40 tokens"):
        read_rows(data["train"], pristine_base, {"max_length": 40})


@pytest.mark.slow
def test_ms_swift_trains_the_answers_and_their_ends(pristine_base: Path, data: dict[str, Path], tmp_path: Path) -> None:
    recipe: dict[str, Any] = {"rank": 4, "alpha": 8, "dropout": 0.0, "target_modules": ["q_proj", "v_proj"], "layers": None,
                              "learning_rate": 1e-2, "warmup": 0.0, "weight_decay": 0.1, "epochs": 1, "batch_size": 8, "seed": 1}
    train_adapter(tmp_path / "out", tmp_path / "scratch", base=pristine_base, train=data["train"], validation=data["validation"],
                  config={"prompt": {"max_length": 220}, "train": recipe}, read=read_rows)
    curves = json.loads((tmp_path / "out" / "curves.json").read_text())
    assert curves["rows"] == rows_of(data, pristine_base) and curves["eval"]
