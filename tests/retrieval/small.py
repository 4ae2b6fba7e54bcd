"""A small embedding and a small retrieval data set."""

from __future__ import annotations

import json
import random
from pathlib import Path

from pipeline.compress import Source
from pipeline.data.retrieval.dataset import Document, Question, write_documents, write_questions
from pipeline.export.embedding import export_embedding, write_rule

TOPICS = ["天气", "时间", "怎么", "rains", "system", "assistant", "带伞", "出门"]
PREFIX, LONGEST = "找：", 48


def data(folder: Path, questions: int = 24) -> Path:
    """A document a topic, and questions that name one."""
    folder.mkdir(parents=True, exist_ok=True)
    write_documents(folder, [Document(f"d{at}", f"资料 {topic} {topic}") for at, topic in enumerate(TOPICS)])
    for split in ("train", "validation", "challenge"):
        rng = random.Random(split)
        asked = [rng.randrange(len(TOPICS)) for _ in range(questions)]
        write_questions(folder / f"{split}.jsonl", [
            Question(f"{rng.choice(['今天', '现在', '明天'])}{TOPICS[at]}{rng.choice(['呢', '在哪', ''])}{number}", (f"d{at}",))
            for number, at in enumerate(asked)])
    return folder


def source_of(model: Path, folder: Path) -> Source:
    made = data(folder)
    return Source(model, teacher=model, train=made / "train.jsonl", validation=made / "validation.jsonl",
                  prompt={"task": "embedding", "query_prefix": PREFIX, "max_length": LONGEST})


def exported(model: Path, out: Path, graph: str = "fused") -> Path:
    """The model's graph in out/onnx, its rule in out/rule."""
    for name in ("onnx", "rule"):
        (out / name).mkdir(parents=True)
    export_embedding(out / "onnx", merged=model, config={"opset": 18, "max_length": LONGEST, "graph": graph})
    write_rule(out / "rule", merged=model, query_prefix=PREFIX, max_length=LONGEST)
    return out


def reranker(model: Path, out: Path) -> Path:
    """The model as a classifier of two labels in out/onnx, its decision in out/decision."""
    from pipeline.export.onnx import export_onnx
    from pipeline.runtime.files import write_object
    from pipeline.runtime.pair_prompt import SIDES
    from tests.export.tiny_qwen3 import write_decision

    (out / "onnx").mkdir(parents=True)
    export_onnx(out / "onnx", merged=model, config={"opset": 18, "max_length": 256, "graph": "fused", "labels": ["A", "B"]})
    ids = json.loads((out / "onnx" / "runtime.json").read_text())["label_ids"]
    intents = [{"name": name, "label": label, "label_id": i, "route": "local"}
               for name, label, i in zip(("yes", "no"), "AB", ids, strict=True)]
    write_decision(out / "decision", model, prefix=SIDES.prefix, suffix=SIDES.suffix, max_length=256, intents=intents, temperature=40.0)
    write_object(out / "decision" / "rerank.json", {"instruction": "find"})
    return out
