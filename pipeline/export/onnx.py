"""Export of the classifier's forward pass to ONNX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from pipeline.errors import EdgeError
from pipeline.export.forward import ClassifierForward
from pipeline.export.fused import fused_graph
from pipeline.export.labels import label_rows
from pipeline.quiet import quiet
from pipeline.runtime import load
from pipeline.runtime.files import write_object
from pipeline.runtime.onnx_runtime import MAPPED_BEYOND
from pipeline.runtime.prompt import read_tokenizer
from pipeline.runtime.torch_runtime import TorchRuntime, load_model

FILE = "model.onnx"
DIFFERENCE_LIMIT = 1e-3  # of label logits, float32 against float32


def export_onnx(out: Path, *, merged: Path, config: Mapping[str, Any]) -> None:
    """Write model.onnx (ids int64 [1, T] -> logits float32 [1, labels]) and runtime.json of a Hugging Face directory.

    config: opset; max_length, the most ids of a prompt; graph, portable (the default: standard operators, traced) or fused
    (`pipeline.export.fused`); optionally prefix, the text that every prompt starts with: its ids go into runtime.json, their keys
    and values into the graph, and T counts the ids after them; mapped, as in `pipeline.compress.recipe`; labels, in whose order the
    logits come, other than the intents'.  Weights beyond MAPPED_BEYOND go to model.onnx.data.  EdgeError when the file's opset is not
    the asked one, or its logits differ from transformers' by more than DIFFERENCE_LIMIT.
    """
    tokenizer, model, longest = read_tokenizer(merged), load_model(merged), config["max_length"]
    ids = label_rows(tokenizer, config)
    prefix = tokenizer.encode(config.get("prefix", ""), add_special_tokens=False).ids
    fused = config.get("graph") == "fused"
    if fused:
        _save(fused_graph(model, ids, longest, prefix, config["opset"]), out / FILE, config["opset"])
    else:
        room = longest - len(prefix)
        write_graph(ClassifierForward(model, ids, longest, prefix).eval(), out / FILE, config["opset"],
                    {"ids": torch.zeros(1, max(2, room // 2), dtype=torch.int64)}, ["logits"],
                    {"ids": {1: torch.export.Dim("length", max=room)}})
    write_object(out / "runtime.json", {"backend": "onnx", "file": FILE, "label_ids": ids, "weights": "fp32", "max_length": longest,
                                        "opset": config["opset"], **({"prefix": prefix} if prefix else {}),
                                        **({"graph": "fused"} if fused else {}), **({"mapped": True} if config.get("mapped") else {})})
    check_against_torch(out, model, ids, longest, prefix)


def check_against_torch(exported: Path, model: Any, ids: Sequence[int], max_length: int, prefix: Sequence[int] = ()) -> float:
    """Largest difference of the exported model's logits from transformers' over random prompts of several lengths."""
    reference, candidate = TorchRuntime(model, ids), load(exported, ids, threads=1)
    random = np.random.default_rng(0)
    worst = 0.0
    room = max_length - len(prefix)
    for length in sorted({1, 2, room // 3 + 1, room}):
        prompt = [*prefix, *random.integers(0, model.config.vocab_size, length).tolist()]
        difference = float(np.abs(reference.logits(prompt) - candidate.logits(prompt)).max())
        if not difference <= DIFFERENCE_LIMIT:  # also true of NaN
            raise EdgeError(f"{exported}: expected logits within {DIFFERENCE_LIMIT} of the torch model, found a "
                            f"difference of {difference:.3g} at {length} tokens; the export is wrong, do not use it")
        worst = max(worst, difference)
    return worst


def write_graph(wrapper: nn.Module, file: Path, opset: int, examples: Mapping[str, Tensor], outputs: Sequence[str],
                lengths: Mapping[str, Mapping[int, Any]], external: bool = True) -> None:
    """Write ``wrapper`` as ONNX, its linear layers' weights named as they are called there.

    ``examples``: an input of each name, in the order of forward's; ``lengths``: their axes (torch.export.Dim) that may vary.
    Weights beyond MAPPED_BEYOND go to a file of their own, unless ``external`` says not to.  EdgeError when the file's opset is not
    the asked one.
    """
    _name_weights(wrapper)
    with torch.no_grad(), quiet():
        program = torch.onnx.export(
            wrapper, tuple(examples.values()), dynamo=True, opset_version=opset, input_names=list(examples),
            output_names=list(outputs), dynamic_shapes={name: dict(axes) for name, axes in lengths.items()})
        size = sum(p.numel() * p.element_size() for p in wrapper.parameters())
        assert program is not None
        _forget_sources(program.model)
        program.save(str(file), external_data=external and size > MAPPED_BEYOND)
    onnx.checker.check_model(str(file))
    _check_opset(file, opset)


def _save(graph: onnx.ModelProto, file: Path, opset: int) -> None:
    """Write a graph, its weights beyond MAPPED_BEYOND to a file of their own."""
    large = sum(len(weight.raw_data) for weight in graph.graph.initializer) > MAPPED_BEYOND
    onnx.save(graph, str(file), save_as_external_data=large, location=f"{file.name}.data" if large else None)
    _check_opset(file, opset)


def _forget_sources(model: Any) -> None:
    """Drops stack traces: they hold this machine's paths and are most of a small file."""
    model.metadata_props.clear()
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()


class _MatMul(nn.Module):
    """A linear layer whose weight [in, out] is a named input of MatMul, as quantisers want it; a view, no copy."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = nn.Parameter(linear.weight.detach().t(), requires_grad=False)
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        y = x @ self.weight
        return y if self.bias is None else y + self.bias


def _name_weights(wrapper: nn.Module) -> None:
    made: dict[nn.Linear, _MatMul] = {}  # one for the factors that layers share
    for module in list(wrapper.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear):
                setattr(module, name, made.setdefault(child, _MatMul(child)))


def _check_opset(file: Path, opset: int) -> None:
    found = {i.domain or "ai.onnx": i.version for i in onnx.load(str(file), load_external_data=False).opset_import}
    if found.get("ai.onnx") != opset:
        raise EdgeError(f"export: expected opset {opset}, the exporter wrote {found.get('ai.onnx')}; "
                        f"set export.opset to {found.get('ai.onnx')} in the profile")
