"""A real subject in a few kilobytes: a bag-of-characters classifier as ONNX, with a real tokenizer and decision."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split

from pipeline.measure.subject import Subject

INTENTS = {  # name -> (the characters that give it away, goes to the cloud)
    "weather_query": ("天晴雨雪风", False), "time_query": ("几点钟时刻", False), "simple_qa": ("首都谁岁高", False),
    "complex_reasoning": ("如果应该还", True), "knowledge_qa": ("原理解释为", True), "open_chat": ("聊笑话无吧", True),
}
FILLERS = "一二三四五六七八九十甲乙丙丁"
LABELS = "ABCDEF"


def records(per_intent: int = 20, seed: int = 1) -> list[dict[str, Any]]:
    """Records that the tiny classifier gets right: two telling characters among fillers, no query twice."""
    dice, made = random.Random(seed), {}
    for intent, (telling, cloud) in INTENTS.items():
        mine = 0
        while mine < per_intent:
            characters = dice.choices(telling, k=2) + dice.choices(FILLERS, k=5)
            dice.shuffle(characters)
            query = "".join(characters)
            mine += query not in made
            made[query] = {"query": query, "intent": intent, "should_route_to_cloud": cloud}
    return list(made.values())


def build(directory: Path, name: str = "tiny", noise: float = 0.0, threads: int = 1) -> Subject:
    """Writes model/ and decision/ of the classifier; noise disturbs its weights (standard deviation, in logits)."""
    characters = sorted(set("".join(telling for telling, _ in INTENTS.values()) + FILLERS))
    vocabulary = {token: i for i, token in enumerate(["[UNK]", *LABELS, *characters])}
    label_ids = [vocabulary[label] for label in LABELS]
    model, decision = directory / "model", directory / "decision"
    model.mkdir(parents=True)
    decision.mkdir()
    weights = np.zeros((len(vocabulary), len(INTENTS)), dtype=np.float32)
    for column, (telling, _) in enumerate(INTENTS.values()):
        weights[[vocabulary[character] for character in telling], column] = 3.0
    weights += np.random.default_rng(0).normal(0, noise, weights.shape).astype(np.float32) if noise else 0
    onnx.save(_graph(weights), model / "model.onnx")
    _write(model / "runtime.json", {"backend": "onnx", "file": "model.onnx", "label_ids": label_ids, "max_length": 64,
                                    "opset": 18, "weights": "fp32"})
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Split(Regex(""), "isolated")
    tokenizer.save(str(decision / "tokenizer.json"))
    intents = [{"name": intent, "label": label, "label_id": vocabulary[label], "route": "cloud" if cloud else "local"}
               for label, (intent, (_, cloud)) in zip(LABELS, INTENTS.items(), strict=True)]
    _write(decision / "decision.json", {"version": 1, "prefix": "<", "suffix": ">", "max_length": 64,
                                        "intents": intents, "temperature": 1.5, "confidence_threshold": 0.6})
    return Subject(name, model, decision, threads, {"model": f"key-of-{name}"})


def _graph(weights: np.ndarray) -> onnx.ModelProto:
    """ids [1, T] -> sum of their rows [1, labels]."""
    nodes = [helper.make_node("Gather", ["weights", "ids"], ["rows"]),
             helper.make_node("ReduceSum", ["rows", "axis"], ["logits"], keepdims=0)]
    graph = helper.make_graph(
        nodes, "bag", [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "T"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, weights.shape[1]])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([1], dtype=np.int64), "axis")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def _write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
