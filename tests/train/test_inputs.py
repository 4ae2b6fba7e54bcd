"""Every input that would make ms-swift fail late, or succeed wrongly, is refused before it is started."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import pipeline.train.sft
from pipeline.errors import EdgeError
from pipeline.train.sft import train_adapter

Records = Callable[..., Path]


@pytest.fixture(autouse=True)
def swift_must_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: Any, **__: Any) -> None:
        raise AssertionError("ms-swift was started on inputs that cannot work")

    monkeypatch.setattr(pipeline.train.sft, "run", started)


def refused(base: Path, config: dict[str, Any], write_records: Records, because: str, **files: Path) -> None:
    files = {"train": write_records("good-train", 12), "validation": write_records("good-validation", 4)} | files
    out = base.parent / "out"
    with pytest.raises(EdgeError, match=because) as error:
        train_adapter(out, base.parent / "scratch", base=base, config=config, **files)
    assert "\n" not in str(error.value)
    assert not out.exists()


def test_good_inputs_reach_ms_swift(base: Path, config: dict[str, Any], write_records: Records) -> None:
    files = {"train": write_records("train", 12), "validation": write_records("validation", 4)}
    with pytest.raises(AssertionError, match="started"):
        train_adapter(base / "out", base / "scratch", base=base, config=config, **files)
    row = json.loads((base / "scratch" / "train.messages.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert [turn["role"] for turn in row["messages"]] == ["system", "user", "assistant"]
    assert [turn["content"] for turn in row["messages"]] == ["判断意图", "今天天气怎么样0", "A"]


def test_a_mark_cut_short_is_another_training(base: Path, config: dict[str, Any], write_records: Records) -> None:
    files, scratch = {"train": write_records("train", 12), "validation": write_records("validation", 4)}, base / "scratch"
    with pytest.raises(AssertionError, match="started"):
        train_adapter(base / "out", scratch, base=base, config=config, **files)
    whole = (scratch / "identity.json").read_bytes()
    (scratch / "identity.json").write_bytes(whole[: len(whole) // 2])
    (scratch / "run" / "checkpoint-1").mkdir(parents=True)
    with pytest.raises(AssertionError, match="started"):
        train_adapter(base / "out", scratch, base=base, config=config, **files)
    assert not (scratch / "run").exists() and (scratch / "identity.json").read_bytes() == whole


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json", "model.safetensors"])
@pytest.mark.parametrize("fault", ["missing", "truncated"])
def test_broken_base(base: Path, config: dict[str, Any], write_records: Records, name: str, fault: str) -> None:
    file = base / name
    content = file.read_bytes()
    file.unlink()
    if fault == "truncated":
        file.write_bytes(content[: len(content) // 2])
    refused(base, config, write_records, name)


def test_base_that_is_not_there(tmp_path: Path, config: dict[str, Any], write_records: Records) -> None:
    refused(tmp_path / "nowhere", config, write_records, "model directory")


def test_index_that_names_a_file_outside(base: Path, config: dict[str, Any], write_records: Records) -> None:
    (base / "model.safetensors").rename(base.parent / "other.safetensors")
    (base / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../other.safetensors"}}')
    refused(base, config, write_records, "outside the model directory")


@pytest.mark.parametrize(("change", "because"), [
    ({"model_type": "llama"}, "model_type qwen3"),
    ({"auto_map": {"AutoModel": "modeling.Model"}}, "Python code"),
])
def test_base_of_another_kind(
    base: Path, config: dict[str, Any], write_records: Records, change: dict[str, Any], because: str
) -> None:
    file = base / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    refused(base, config, write_records, because)


def test_tokenizer_of_another_model(base: Path, config: dict[str, Any], write_records: Records) -> None:
    file = base / "tokenizer.json"
    file.write_text(file.read_text(encoding="utf-8").replace("<|im_start|>", "<|start|>"), encoding="utf-8")
    refused(base, config, write_records, "missing: <.im_start.>")


def test_label_of_several_tokens(
    base: Path, config: dict[str, Any], write_records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.train.inputs._labels", lambda records, _file: ["weather"] * len(records))
    refused(base, config, write_records, "single token")


def test_target_module_that_the_base_lacks(base: Path, config: dict[str, Any], write_records: Records) -> None:
    config["train"]["target_modules"] = ["q_proj", "w_proj"]
    refused(base, config, write_records, "w_proj")


def test_layer_that_the_base_lacks(base: Path, config: dict[str, Any], write_records: Records) -> None:
    config["train"]["layers"] = [0, 99]
    refused(base, config, write_records, "layer 99")


@pytest.mark.parametrize("split", ["train", "validation"])
class TestRecords:
    def test_empty_file(self, base: Path, config: dict[str, Any], write_records: Records, split: str) -> None:
        refused(base, config, write_records, split, **{split: write_records(split, 0)})

    def test_missing_file(self, base: Path, config: dict[str, Any], write_records: Records, split: str) -> None:
        refused(base, config, write_records, "nowhere", **{split: base / "nowhere.jsonl"})

    def test_unknown_intent(self, base: Path, config: dict[str, Any], write_records: Records, split: str) -> None:
        refused(base, config, write_records, "order_pizza", **{split: write_records(split, 5, intent="order_pizza")})

    def test_row_too_long(self, base: Path, config: dict[str, Any], write_records: Records, split: str) -> None:
        long = write_records(split, 5, query="天气" * 100)
        refused(base, config, write_records, r":5: .*at most 128 tokens.*found \d{3} for '(天气){20}…'", **{split: long})

    def test_control_token(self, base: Path, config: dict[str, Any], write_records: Records, split: str) -> None:
        planted = write_records(split, 5, query="天气<|im_end|>怎么样")
        refused(base, config, write_records, ":5: .*special token", **{split: planted})


def test_query_that_trainer_and_runtime_read_differently(
    base: Path, config: dict[str, Any], write_records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = SimpleNamespace(query="天气<think>怎么样", intent="weather_query")
    monkeypatch.setattr("pipeline.data.records.read_records", lambda _file: [planted])
    refused(base, config, write_records, ":1: .*remove control tokens")


def test_full_disk(
    base: Path, config: dict[str, Any], write_records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: type("Usage", (), {"free": 1_000_000}))
    refused(base, config, write_records, "MB free")
