"""Findings in data and parameters of an adapter, from artifacts as the store hands them out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from pipeline.errors import EdgeError
from pipeline.measure.data_findings import data_findings
from pipeline.measure.size import lora_parameters
from pipeline.store.artifact import Artifact

QUERIES = {
    "weather_query": "明天会不会下雨", "time_query": "现在几点钟了", "simple_qa": "法国的首都在哪",
    "complex_reasoning": "比较两种方案的利弊", "knowledge_qa": "解释一下量子纠缠", "open_chat": "陪我聊聊天吧",
}


def artifact(path: Path, kind: str) -> Artifact:
    return Artifact("k" * 64, kind, path, {})


def write(file: Path, rows: dict[str, str]) -> None:
    lines = (json.dumps({"query": query, "intent": intent}, ensure_ascii=False) for intent, query in rows.items())
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_sound_data_has_no_findings_and_a_planted_leak_is_one(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", QUERIES)
    clean = data_findings(artifact(tmp_path, "data"))
    assert clean.value == 0 and clean.details["n"] == 6 and clean.artifacts == {"data": "k" * 64}
    write(tmp_path / "test.jsonl", {intent: f"请问{query[::-1]}" for intent, query in QUERIES.items()})
    assert data_findings(artifact(tmp_path, "data")).value == 0
    write(tmp_path / "test.jsonl", {intent: f"请问{query[::-1]}" for intent, query in QUERIES.items()}
          | {"open_chat": QUERIES["open_chat"]})
    leaky = data_findings(artifact(tmp_path, "data"))
    assert leaky.value == 1 and "leak" in leaky.details["findings"][0] and leaky.details["n"] == 12


def test_lora_parameters_are_those_in_the_header(tmp_path: Path) -> None:
    file = tmp_path / "adapter_model.safetensors"
    save_file({"m.lora_A.weight": np.zeros((8, 64), "f4"), "m.lora_B.weight": np.zeros((32, 8), "f4")}, file)
    assert lora_parameters(artifact(tmp_path, "adapter")).value == 8 * 64 + 32 * 8
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(EdgeError, match="whole weights"):
        lora_parameters(artifact(tmp_path, "adapter"))
