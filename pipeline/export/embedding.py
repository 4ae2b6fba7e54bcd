"""Export of an embedding to ONNX: the classifier's forward pass, whose head brings the last state to length 1.

So every technique on an exported graph, and every runtime of it, takes an embedding as it takes a classifier.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from pipeline.compress.onnx_files import save_graph
from pipeline.errors import EdgeError
from pipeline.export.forward import ClassifierForward
from pipeline.export.fused import fused_graph
from pipeline.export.onnx import FILE, write_graph
from pipeline.runtime import load
from pipeline.runtime.embedding import Embedding
from pipeline.runtime.files import read_object, write_object
from pipeline.runtime.torch_runtime import load_model

DIFFERENCE_LIMIT = 1e-4  # of a unit vector's components, float32 against float32


class Normalised(nn.Module):
    """x / |x| over the last axis, written out."""

    def forward(self, x: Tensor) -> Tensor:
        return x / torch.sqrt((x * x).sum(-1, keepdim=True))


def export_embedding(out: Path, *, merged: Path, config: Mapping[str, Any]) -> None:
    """Write model.onnx (ids int64 [1, T] -> float32 [1, hidden], of length 1) and runtime.json of a Hugging Face directory.

    config: opset, max_length, graph and mapped as in `pipeline.export.onnx`; the ids end with the end token.  In runtime.json the
    dimensions' numbers stand where a classifier has its labels.  EdgeError when it differs from transformers by more than DIFFERENCE_LIMIT.
    """
    model, longest = load_model(merged), config["max_length"]
    width, fused = model.config.hidden_size, config.get("graph") == "fused"
    if fused:
        save_graph(normalised(fused_graph(model, [0], longest, (), config["opset"]), width), out / FILE)
    else:
        forward = ClassifierForward(model, [0], longest)
        forward.head = Normalised()  # type: ignore[assignment]
        write_graph(forward.eval(), out / FILE, config["opset"], {"ids": torch.zeros(1, max(2, longest // 2), dtype=torch.int64)},
                    ["vector"], {"ids": {1: torch.export.Dim("length", max=longest)}})
    write_object(out / "runtime.json", {"backend": "onnx", "file": FILE, "label_ids": list(range(width)), "weights": "fp32",
                                        "max_length": longest, "opset": config["opset"], **({"graph": "fused"} if fused else {}),
                                        **({"mapped": True} if config.get("mapped") else {})})
    _check(out, model, longest)


def write_rule(out: Path, *, merged: Path, query_prefix: str, max_length: int) -> None:
    """The tokenizer and embedding.json that go with every form of a model."""
    width = read_object(merged / "config.json", "a model's configuration")["hidden_size"]
    shutil.copyfile(merged / "tokenizer.json", out / "tokenizer.json")
    Embedding(query_prefix, max_length, width).write(out)


def normalised(graph: onnx.ModelProto, width: int) -> onnx.ModelProto:
    """A classifier's fused graph with the state brought to length 1 in the place of its head."""
    nodes, weights = graph.graph.node, graph.graph.initializer
    head, = (node for node in nodes if node.name == "head")
    last, = (node for node in nodes if node.output[0] == graph.graph.output[0].name)
    weights.remove(next(weight for weight in weights if weight.name == head.input[1]))
    unit = helper.make_node("LpNormalization", [head.input[0]], ["unit"], name="unit", axis=-1, p=2)
    nodes.insert(list(nodes).index(head), unit)
    nodes.remove(head)
    last.input[0], last.output[0] = "unit", "vector"
    graph.graph.output.remove(graph.graph.output[0])
    graph.graph.output.append(helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, width]))
    return graph


@torch.inference_mode()
def state(model: Any, ids: list[int]) -> np.ndarray:
    """transformers' own last state of one text's ids, float32 [hidden], of length 1."""
    states = model.model(input_ids=torch.tensor([ids]), use_cache=False).last_hidden_state
    return Normalised()(states[0, -1].float()).numpy()


def _check(exported: Path, model: Any, longest: int) -> None:
    width, random = model.config.hidden_size, np.random.default_rng(0)
    candidate = load(exported, range(width), threads=1)
    for length in sorted({1, 2, longest // 3 + 1, longest}):
        ids = random.integers(0, model.config.vocab_size, length).tolist()
        difference = float(np.abs(state(model, ids) - candidate.logits(ids)).max())
        if not difference <= DIFFERENCE_LIMIT:  # also true of NaN
            raise EdgeError(f"{exported}: expected vectors within {DIFFERENCE_LIMIT} of the torch model's, found a difference of "
                            f"{difference:.3g} at {length} tokens; the export is wrong, do not use it")
