"""The codes that GPTQ or AWQ chose, put into the exported graph as they are: nothing is rounded again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from safetensors import safe_open

from pipeline.compress import ORIGIN, Source
from pipeline.compress.nbits import Form, Grouped, rewrite, tables
from pipeline.compress.onnx_files import FILE, finish, fp32_spec, products, read_graph, save_graph, weights_report
from pipeline.compress.onnx_weights import pack, unpack
from pipeline.compress.plan import Plan
from pipeline.compress.settings.pack import FAMILY as FAMILY
from pipeline.compress.settings.pack import STAGE as STAGE
from pipeline.compress.settings.pack import Settings
from pipeline.compress.techniques.int4 import embedding_form, table_bits
from pipeline.errors import EdgeError

NEEDS, LIBRARIES = (ORIGIN,), ("onnx", "onnxruntime", "torch")
EMBEDDING_GROUP = 32
_BLOCKS = (16, 256)  # the fewest and the most weights of a scale that MatMulNBits takes; a power of two
_PACKED, _SCALE, _ZERO_POINT = "weight_packed", "weight_scale", "weight_zero_point"


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Replace each product with a matrix of ``source.origin`` that is kept as integer codes by MatMulNBits with these codes.

    EdgeError for an origin without such codes, and for a graph whose weights are other than the codes' values.
    """
    spec, before = fp32_spec(source.model)
    assert source.origin is not None
    model = read_graph(before)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    wanted = set(products(model.graph).values())
    found: dict[str, Grouped] = {}
    for name, grouped in _codes(source.origin, settings.activations == "int8"):
        if name in wanted:
            _check(name, weights[name], grouped, source.origin)
            found[name] = grouped
    if not found:
        raise EdgeError(f"{source.origin}: expected integer codes of the graph's matrices, found none; put gptq or awq before this step")
    forms: dict[str, Form | Grouped] = {**found}
    if settings.embedding != "float32":
        forms |= dict.fromkeys(tables(model.graph), embedding_form(settings.embedding, EMBEDDING_GROUP))
    nodes = rewrite(model, forms)
    save_graph(model, out / FILE)
    finish(out, source, spec, "+".join(f"int{bits}" for bits in sorted({grouped.form.bits for grouped in found.values()})))
    return {"packed": len(found), "quantised_nodes": nodes, **weights_report(before, out / FILE)}


def predict(plan: Plan, settings: Settings) -> Plan:
    """The bits of the matrices are those that were chosen with the codes."""
    return plan.after(plan.parameters * 3e-8, embedding_bits=table_bits(settings.embedding, EMBEDDING_GROUP))


def _codes(origin: Path, int8_activations: bool) -> Iterator[tuple[str, Grouped]]:
    """Each packed matrix of a compressed-tensors directory, by its name in the exported graph."""
    for file in sorted(origin.glob("*.safetensors")):
        with safe_open(file, "pt") as tensors:
            known = set(tensors.keys())
            for key in sorted(known):
                module, _, kind = key.rpartition(".")
                if kind == _PACKED:
                    zeros = tensors.get_tensor(f"{module}.{_ZERO_POINT}") if f"{module}.{_ZERO_POINT}" in known else None
                    scales = tensors.get_tensor(f"{module}.{_SCALE}").float()
                    width = int(tensors.get_tensor(f"{module}.weight_shape")[1])
                    yield _graph_name(module), _grouped(module, tensors.get_tensor(key), scales, zeros, width, int8_activations)


def _grouped(name: str, packed: torch.Tensor, scales: torch.Tensor, zeros: torch.Tensor | None, width: int, int8: bool) -> Grouped:
    """A matrix [rows, width]: packed int32 [rows, width * bits / 32], the lowest bits first; scales [rows, groups]; zeros, packed
    down the columns, int32 [rows * bits / 32, groups].  A wider group than MatMulNBits takes becomes several with one scale."""
    rows, groups = scales.shape
    bits, group = packed.shape[1] * 32 // width, width // groups
    block = min(group & -group, _BLOCKS[1])
    if bits not in (2, 4, 8) or block < _BLOCKS[0]:
        raise EdgeError(f"{name}: expected 2, 4 or 8 bits in groups that {_BLOCKS[0]} divides, found {bits} in groups of {group}; "
                        "quantise with bits 4, group 32")
    form = Form(bits, block, symmetric=zeros is None, int8_activations=int8)
    codes = packed.contiguous().numpy().view(np.uint8).reshape(rows, width // block, -1)
    spread = np.repeat(scales.numpy(), group // block, axis=1)
    if zeros is None:
        return Grouped(codes, spread, None, form)
    middles = unpack(np.ascontiguousarray(zeros.numpy().T).view(np.uint8), bits)[:, :rows].T
    return Grouped(codes, spread, pack(np.repeat(middles, group // block, axis=1), bits), form)


def _graph_name(module: str) -> str:
    """model.layers.0.self_attn.q_proj -> layers.0.attention.q.weight: what `pipeline.export.forward` calls it."""
    return re.sub(r"_proj$", "", module.removeprefix("model.").replace(".self_attn.", ".attention.")) + ".weight"


def _check(name: str, weight: onnx.TensorProto, grouped: Grouped, origin: Path) -> None:
    """EdgeError unless the graph's weight [width, rows] is what the codes stand for, to the last bit."""
    matrix, values = numpy_helper.to_array(weight).T, grouped.values
    if matrix.shape != values.shape or (others := int(np.count_nonzero(matrix != values))):
        what = f"{others} others" if matrix.shape == values.shape else f"the shape {matrix.shape}"
        raise EdgeError(f"{name}: expected the values of the codes in {origin}, found {what}; export that directory again")
