"""What is converted, as those who train read it: ms-swift's and mlx-lm's own loaders."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.data.convert import convert
from pipeline.data.formats.messages import STANDARD
from pipeline.process import run
from pipeline.train.inputs import read_rows

SYSTEM = "判断意图"
EXTRAS = [{"task_type": 1}, {"task_type": "qa", "more": {"a": [1]}}, {"more": ["x"]}, {}]  # columns of no one type

MLX = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
from transformers import AutoTokenizer
from mlx_lm.tuner.datasets import load_local_dataset
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
tokenizer.chat_template = ("{% for m in messages %}<|im_start|>{{ m.role }}\\n{{ m.content }}<|im_end|>\\n{% endfor %}"
                           "{% if add_generation_prompt %}<|im_start|>assistant\\n{% endif %}")
for folder in sys.argv[2:]:
    data, _, _ = load_local_dataset(Path(folder), tokenizer, SimpleNamespace(mask_prompt=True))
    read = [data.process(data[place]) for place in range(len(data))]
    print("READ", json.dumps([type(data).__name__, [[tokenizer.decode(t[:n]), tokenizer.decode(t[n:])] for t, n in read]]))
"""
SWIFT = """
import json, sys
from swift.dataset import load_dataset, RowPreprocessor
print("READ", json.dumps(RowPreprocessor.standard_keys))
for file in sys.argv[1:]:
    data, _ = load_dataset(file, split_dataset_ratio=0, num_proc=1, load_from_cache_file=False, strict=True)
    print("READ", json.dumps([row["messages"] for row in data]))
"""


@pytest.fixture
def written(write_records: Callable[..., Path], tmp_path: Path) -> Path:
    """Records with a grammar and further fields."""
    file = write_records("records", len(EXTRAS))
    rows = [json.loads(line) | extras | {"grammar": "mine/1"} for line, extras in zip(file.read_text().splitlines(), EXTRAS, strict=True)]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


@pytest.fixture
def trained(written: Path, pristine_base: Path) -> list[list[dict[str, str]]]:
    """The conversations that this project's training makes of them."""
    return [row.conversation["messages"] for row in read_rows(written, pristine_base, {"system": SYSTEM, "max_length": 128})]


def reads(script: str, tmp_path: Path, *arguments: object) -> list[Any]:
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf"), "MODELSCOPE_CACHE": str(tmp_path / "ms")}
    run([sys.executable, "-c", script, *map(str, arguments)], log=tmp_path / "log", env=environment)
    return [json.loads(line[5:]) for line in (tmp_path / "log").read_text().splitlines() if line.startswith("READ ")]


def test_messages_are_the_conversations_of_training(written: Path, trained: list[Any], tmp_path: Path) -> None:
    for name in ("messages", "chat"):
        convert(written, tmp_path / f"{name}.jsonl", name, system=SYSTEM)
        rows = [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
        assert [row["messages"] for row in rows] == trained and {row["grammar"] for row in rows} == {"mine/1"}


def test_mlx_lm_reads_chat(written: Path, trained: list[Any], pristine_base: Path, tmp_path: Path) -> None:
    convert(written, tmp_path / "ours" / "train.jsonl", "chat", system=SYSTEM)
    rows = [json.loads(line) for line in (tmp_path / "ours" / "train.jsonl").read_text().splitlines()]
    (tmp_path / "refused").mkdir()
    (tmp_path / "refused" / "train.jsonl").write_text(json.dumps(rows[0] | {"prompt": "x", "completion": "y"}))
    (kind, read), (other, _) = reads(MLX, tmp_path, pristine_base, tmp_path / "ours", tmp_path / "refused")
    assert kind == "ChatDataset" and len(read) == len(trained)
    for (prompt, answer), (system, user, assistant) in zip(read, trained, strict=True):
        asked = "".join(f"<|im_start|>{turn['role']}\n{turn['content']}<|im_end|>\n" for turn in (system, user))
        assert prompt == f"{asked}<|im_start|>assistant\n"
        assert answer == f"{assistant['content']}<|im_end|>\n"
    assert other != "ChatDataset"  # which is why chat has no row with these two fields


@pytest.mark.slow
def test_ms_swift_reads_messages_and_alpaca(written: Path, trained: list[Any], tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.jsonl" for name in ("messages", "alpaca")]
    for file in files:
        convert(written, file, file.stem, system=SYSTEM)
    refused = tmp_path / "refused.jsonl"
    refused.write_text(json.dumps({"messages": trained[0][1:], "system_prompt": "别的"}))
    standard, messages, alpaca, bent = reads(SWIFT, tmp_path, *files, refused)
    assert messages == alpaca == trained
    assert set(standard) == STANDARD
    assert bent[0][0] == {"role": "system", "content": "别的"}  # which is why messages have no such field
