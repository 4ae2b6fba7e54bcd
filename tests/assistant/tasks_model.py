"""A real ONNX model that tells the four tasks apart by the tokens of a question: small, exact, and made on the spot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from pipeline.base.tokenizer import train_tokenizer
from pipeline.data.assistant.tasks import SYSTEM, TASKS
from pipeline.runtime.prompt import Prompt, label_ids, read_tokenizer, template

TASK_WORDS = {
    "course_resource": ["课件", "讲义", "习题", "试卷", "大纲", "在哪", "文件", "PPT", "打开"],
    "learning_tracking": ["学了", "多久", "做对", "分钟", "连续几天", "薄弱", "复习什么", "进度", "打卡", "撤销"],
    "simple_qa": ["单位是什么", "适用条件", "怎么算", "定义", "公式", "符号", "什么是", "是什么"],
    "complex_reasoning": ["推导", "证明", "为什么", "比较", "计划", "解释一下"],
}
LENGTH = 512


def build(folder: Path) -> tuple[Path, Path]:
    """A model and a decision directory, as `edge assistant deploy` takes them."""
    model, decision = folder / "model", folder / "decision"
    model.mkdir(parents=True)
    decision.mkdir()
    train_tokenizer([word for words in TASK_WORDS.values() for word in words] * 20, 600, decision)
    tokenizer = read_tokenizer(decision)
    sides = template(SYSTEM)
    prompt = Prompt(decision, sides.prefix, sides.suffix, LENGTH)
    ids = label_ids(tokenizer, [task.label for task in TASKS], sides.suffix)
    weights = np.zeros((tokenizer.get_vocab_size(), len(TASKS)), np.float32)
    for place, task in enumerate(TASKS):  # a word's rarest tokens speak for its task
        for word in TASK_WORDS[task.name]:
            for token in tokenizer.encode(word, add_special_tokens=False).ids:
                weights[token, place] += 8 / len(tokenizer.encode(word, add_special_tokens=False).ids)
    weights[prompt.encode("，").ids] = 0
    _write(model / "model.onnx", weights)
    (model / "runtime.json").write_text(json.dumps({"backend": "onnx", "file": "model.onnx", "max_length": LENGTH, "label_ids": ids}))
    intents = [{"name": task.name, "label": task.label, "label_id": i, "route": task.route} for task, i in zip(TASKS, ids, strict=True)]
    (decision / "decision.json").write_text(json.dumps({
        "version": 1, "prefix": sides.prefix, "suffix": sides.suffix, "max_length": LENGTH, "intents": intents, "temperature": 1.0,
        "confidence_threshold": 0.6}), encoding="utf-8")
    return model, decision


def _write(file: Path, weights: np.ndarray) -> None:
    """Logits [1, tasks]: the sum of the tokens' rows."""
    nodes = [helper.make_node("Gather", ["weights", "ids"], ["rows"]),
             helper.make_node("ReduceSum", ["rows", "axis"], ["logits"], keepdims=0)]
    graph = helper.make_graph(
        nodes, "words", [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "length"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, weights.shape[1]])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([1], np.int64), "axis")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, file)
    assert onnxruntime.InferenceSession(str(file))
