"""The classifier's graph built node by node, in ONNX Runtime's fused operators: some twenty nodes a layer, not sixty.

On a CPU and a few dozen tokens, what stands between the matrix products costs a quarter of the time; and to write a graph down takes
seconds where tracing 28 layers takes minutes.  The operators of com.microsoft are ONNX Runtime's own: what else reads ONNX takes the
portable graph of `pipeline.export.forward`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from pipeline.export.forward import ClassifierForward, rope

FUSED = "com.microsoft"
IR_VERSION = 10  # what onnxruntime reads everywhere; onnx itself would write its newest


def fused_graph(model: Any, label_ids: Sequence[int], max_length: int, prefix: Sequence[int], opset: int) -> onnx.ModelProto:
    """ids int64 [1, T] -> logits float32 [1, labels] of ``model`` (transformers' Qwen3ForCausalLM), by fused operators.

    T counts the ids after ``prefix``.  Weights are named as in the portable graph.
    """
    return _Builder(model, label_ids, max_length, prefix).build(opset)


class _Builder:
    """Nodes and weights as they are added; a method a part of the model, which returns the name of what it computes."""

    def __init__(self, model: Any, label_ids: Sequence[int], max_length: int, prefix: Sequence[int]) -> None:
        self._model, self._config, self._prefix = model, model.config, list(prefix)
        self._wrapper = ClassifierForward(model, label_ids, max_length, prefix).eval()
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, onnx.TensorProto] = {}
        cos, sin = (table[:, table.shape[1] // 2:].numpy() for table in rope(model, max_length))
        self._cos, self._sin = self._weight("cos", cos), self._weight("sin", sin)

    def build(self, opset: int) -> onnx.ModelProto:
        x = self._node("Gather", [self._weight("embedding.weight", _array(self._wrapper.embedding.weight)), "ids"], "embedded")
        seen, total = self._lengths()
        skip, layers = "", self._wrapper.layers
        for number, layer in enumerate(layers):
            x, skip = self._layer(f"layers.{number}", layer, x, skip, seen, total, last=number == len(layers) - 1)
        normed, _ = self._norm("norm", self._wrapper.norm, x, skip)
        logits = self._linear("head", self._wrapper.head, normed)
        self._node("Squeeze", [logits, self._weight("one", np.array([1]))], "logits")
        graph = helper.make_graph(
            self._nodes, "classifier", [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "length"])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, self._wrapper.head.weight.shape[0]])],
            list(self._weights.values()))
        return helper.make_model(graph, ir_version=IR_VERSION, opset_imports=[
            helper.make_opsetid("", opset), helper.make_opsetid(FUSED, 1)])

    def _layer(self, name: str, layer: Any, x: str, skip: str, seen: str, total: str, last: bool) -> tuple[str, str]:
        """One decoder layer of the sum x + skip ("" for none); the result as two summands: the next norm adds them."""
        normed, whole = self._norm(f"{name}.before", layer.before, x, skip)
        attended = self._attention(f"{name}.attention", layer.attention, normed, seen, total)
        if last:  # nothing after it looks at any other position
            at = self._weight("last", np.array([-1]))
            attended = self._node("Gather", [attended, at], f"{name}.attended", axis=1)
            whole = self._node("Gather", [whole, at], f"{name}.asked", axis=1)
        mixed = self._linear(f"{name}.attention.o", layer.attention.o, attended)
        normed, whole = self._norm(f"{name}.after", layer.after, mixed, whole)
        gate = self._linear(f"{name}.mlp.gate", layer.mlp.gate, normed)
        gate = self._node("QuickGelu", [gate], f"{name}.mlp.silu", FUSED, alpha=1.0)
        up = self._linear(f"{name}.mlp.up", layer.mlp.up, normed)
        return self._linear(f"{name}.mlp.down", layer.mlp.down, self._node("Mul", [gate, up], f"{name}.mlp.gated")), whole

    def _attention(self, name: str, attention: Any, x: str, seen: str, total: str) -> str:
        q, k, v = (self._linear(f"{name}.{part}", getattr(attention, part), x) for part in "qkv")
        q = self._head_norm(f"{name}.q_norm", attention.q_norm, q, attention.heads)
        k = self._head_norm(f"{name}.k_norm", attention.k_norm, k, attention.groups)
        number = name.split(".")[1]
        rows = getattr(self._wrapper, f"past_{number}").numpy() if self._prefix else np.zeros((2, attention.groups, 0, attention.width))
        past = [self._weight(f"{name}.past_{side}", rows[i:i + 1].astype(np.float32)) for i, side in enumerate(("keys", "values"))]
        outputs = [f"{name}.mixed", f"{name}.keys", f"{name}.values"]
        self._nodes.append(helper.make_node(
            "GroupQueryAttention", [q, k, v, *past, seen, total, self._cos, self._sin], outputs, name=outputs[0], domain=FUSED,
            num_heads=attention.heads, kv_num_heads=attention.groups, do_rotary=1))
        return outputs[0]

    def _head_norm(self, name: str, norm: Any, x: str, heads: int) -> str:
        """Each head's width normalised by itself."""
        width = norm.weight.shape[0]
        split = self._node("Reshape", [x, self._weight(f"by_width.{width}", np.array([1, -1, width]))], f"{name}.split")
        normed = self._node("SimplifiedLayerNormalization", [split, self._weight(f"{name}.weight", _array(norm.weight))], name,
                            axis=-1, epsilon=norm.eps)
        return self._node("Reshape", [normed, self._weight(f"joined.{heads * width}", np.array([1, -1, heads * width]))], f"{name}.joined")

    def _norm(self, name: str, norm: Any, x: str, skip: str) -> tuple[str, str]:
        """RMSNorm of x + skip, and that sum."""
        weight = self._weight(f"{name}.weight", _array(norm.weight))
        if not skip:
            return self._node("SimplifiedLayerNormalization", [x, weight], name, axis=-1, epsilon=norm.eps), x
        outputs = [name, "", "", f"{name}.sum"]
        self._nodes.append(helper.make_node("SkipSimplifiedLayerNormalization", [x, skip, weight], outputs, name=name, domain=FUSED,
                                            epsilon=norm.eps))
        return name, outputs[-1]

    def _linear(self, name: str, linear: nn.Module, x: str) -> str:
        """A linear layer, or the several that it is factorised into."""
        if isinstance(linear, nn.Sequential):
            for number, factor in enumerate(linear):
                x = self._linear(f"{name}.{number}", factor, x)
            return x
        return self._node("MatMul", [x, self._weight(f"{name}.weight", _array(linear.weight).T)], name)

    def _lengths(self) -> tuple[str, str]:
        """All ids so far but one, int32 [1], and all of them, int32 scalar: what GroupQueryAttention wants to know."""
        length = self._node("Shape", ["ids"], "length", start=1, end=2)
        length = self._node("Cast", [length], "length.32", to=TensorProto.INT32)
        before = len(self._prefix)
        seen = self._node("Add", [length, self._weight("before", np.array([before - 1], np.int32))], "seen")
        total = self._node("Add", [length, self._weight("known", np.array([before], np.int32))], "total.1")
        return seen, self._node("Squeeze", [total], "total")

    def _node(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def _weight(self, name: str, values: np.ndarray) -> str:
        if name not in self._weights:
            self._weights[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name


def _array(weight: nn.Parameter) -> np.ndarray:
    return weight.detach().numpy()
