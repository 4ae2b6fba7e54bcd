"""Export of the whole language model to ONNX, a step at a time: what was read before comes back as keys and values."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.errors import EdgeError
from pipeline.export.forward import MASKED, Layer, RMSNorm, check_architecture, rope
from pipeline.export.onnx import DIFFERENCE_LIMIT, FILE, write_graph
from pipeline.runtime.files import write_object
from pipeline.runtime.generator import TASK, open_generator
from pipeline.runtime.prompt import read_tokenizer
from pipeline.runtime.torch_runtime import load_model


def export_generator(out: Path, *, merged: Path, config: Mapping[str, Any]) -> None:
    """Write model.onnx, runtime.json and tokenizer.json of a Hugging Face directory.

    config: opset; max_length, the most ids of prompt and answer together.  The graph takes ids int64 [1, T] and past
    float32 [P, 2 * layers, kv_heads, head_dim] (a layer's keys, then its values; P may be 0) and gives logits float32
    [1, vocabulary] after the last id and new float32 [T, 2 * layers, kv_heads, head_dim], to be appended to past.
    EdgeError when the file's opset is not the asked one, or its logits differ from transformers' by more than
    DIFFERENCE_LIMIT.
    """
    read_tokenizer(merged)
    model, longest = load_model(merged), config["max_length"]
    wrapper = GeneratorForward(model, longest).eval()
    past = torch.zeros(longest // 2, *wrapper.row)
    lengths = {"ids": {1: torch.export.Dim("length", max=longest)}, "past": {0: torch.export.Dim("known", min=0, max=longest)}}
    write_graph(wrapper, out / FILE, config["opset"], {"ids": torch.zeros(1, longest // 2, dtype=torch.int64), "past": past},
                ["logits", "new"], lengths)
    rows, kv_heads, head_dim = wrapper.row
    write_object(out / "runtime.json", {
        "backend": "onnx", "task": TASK, "file": FILE, "layers": rows // 2, "kv_heads": kv_heads, "head_dim": head_dim,
        "vocabulary": model.config.vocab_size, "max_length": longest, "opset": config["opset"], "weights": "fp32"})
    shutil.copyfile(merged / "tokenizer.json", out / "tokenizer.json")
    check_against_torch(out, model)


def check_against_torch(exported: Path, model: Any) -> float:
    """Largest difference of the exported model's logits from transformers' with its cache, over random ids.

    Read in one piece, in two, and id by id up to the largest length.
    """
    generator = open_generator(exported, threads=1)
    ids = np.random.default_rng(0).integers(0, model.config.vocab_size, generator.max_length).tolist()
    worst = 0.0
    for cuts in _ways(len(ids)):
        cache, generation = None, None
        for begin, end in zip([0, *cuts], [*cuts, len(ids)], strict=True):
            piece = ids[begin:end]
            with torch.inference_mode():
                expected = model(input_ids=torch.tensor([piece]), past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache = expected.past_key_values
            if generation is None:
                generation = generator.start(piece)
            else:
                generation.feed(piece)
            difference = float(np.abs(expected.logits[0, -1].numpy() - generation.logits).max())
            if not difference <= DIFFERENCE_LIMIT:  # also true of NaN
                raise EdgeError(f"{exported}: expected logits within {DIFFERENCE_LIMIT} of the torch model, found a difference "
                                f"of {difference:.3g} after {end} ids; the export is wrong, do not use it")
            worst = max(worst, difference)
    return worst


def _ways(length: int) -> list[list[int]]:
    """Where the ids are cut: nowhere, in two, and near both ends id by id."""
    ends = sorted({*range(1, min(9, length)), *range(max(1, length - 8), length)})
    return [[], [length // 3], ends]


class GeneratorForward(nn.Module):
    """Next-id logits of ``model`` (transformers' Qwen3ForCausalLM), whose weights it shares, after ids that follow others."""

    cos: Tensor
    sin: Tensor

    def __init__(self, model: Any, max_length: int) -> None:
        super().__init__()
        check_architecture(model.config)
        self.embedding = model.model.embed_tokens
        self.layers = nn.ModuleList(Layer(layer, model.config) for layer in model.model.layers)
        self.norm, self.head = RMSNorm(model.model.norm), model.lm_head
        attention = self.layers[0].attention
        self.row = (2 * len(self.layers), attention.groups, attention.width)
        cos, sin = rope(model, max_length)
        self.register_buffer("cos", cos)
        self.register_buffer("sin", sin)

    def forward(self, ids: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """ids [1, T] and past [P, *row], P + T <= max_length -> logits [1, vocabulary] and new [T, *row]."""
        known, length = past.shape[0], ids.shape[1]
        torch._check(known + length <= self.cos.shape[0])
        cos, sin = self.cos[known : known + length], self.sin[known : known + length]
        positions = torch.arange(known + length)
        mask = (positions > positions[known:, None]).to(cos.dtype).reshape(1, 1, length, known + length) * MASKED
        x, news = self.embedding(ids), []
        for left, layer, before in zip(reversed(range(len(self.layers))), self.layers, past.permute(1, 2, 0, 3).split(2), strict=True):
            asked = slice(None) if left else slice(-1, None)  # by number: the exporter may make another object of a layer
            x, new = layer(x, asked, before, cos, sin, mask[:, :, asked])
            news.append(new)
        return self.head(self.norm(x)[:, 0]), torch.cat(news).permute(2, 0, 1, 3)
