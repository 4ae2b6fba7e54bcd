"""Weights stored as float16 and computed with in float32: half the file, on a CPU no other speed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pipeline.compress import Source
from pipeline.compress.nbits import tables
from pipeline.compress.onnx_files import FILE, finish, fp32_spec, nothing_quantised, products, read_graph, save_graph, weights_report
from pipeline.compress.plan import Plan
from pipeline.compress.settings.fp16 import FAMILY as FAMILY
from pipeline.compress.settings.fp16 import STAGE as STAGE
from pipeline.compress.settings.fp16 import Settings
from pipeline.errors import EdgeError

NEEDS, LIBRARIES = (), ("onnx", "onnxruntime")


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Store an exported fp32 directory's matrices and embedding in float16; norms and tables of positions stay as they are.

    EdgeError for a weight beyond float16's range, and where there is no matrix.
    """
    spec, before = fp32_spec(source.model)
    model = read_graph(before)
    matrices = set(products(model.graph).values())
    if not matrices:
        raise nothing_quantised(before)
    _halve(model.graph, matrices | set(tables(model.graph)))
    save_graph(model, out / FILE)
    finish(out, source, spec, "fp16")
    return weights_report(before, out / FILE)


def predict(plan: Plan, settings: Settings) -> Plan:
    return plan.after(plan.parameters * 2e-8, matrix_bits=16, embedding_bits=16)


def _halve(graph: onnx.GraphProto, names: set[str]) -> None:
    """A matrix is cast before its product, which a session does once as it opens; a look-up's rows are cast after it."""
    for tensor in graph.initializer:
        if tensor.name in names:
            tensor.CopyFrom(numpy_helper.from_array(_half(tensor), tensor.name))
    nodes, cast = [], set()
    for node in graph.node:
        if node.op_type == "Gather" and node.input[0] in names:
            rows, node.output[0] = node.output[0], f"{node.output[0]}_float16"
            nodes += [node, _cast(node.output[0], rows)]
            continue
        for place, name in enumerate(node.input):
            if name in names:
                if name not in cast:
                    cast.add(name)
                    nodes.append(_cast(name, f"{name}_float32"))
                node.input[place] = f"{name}_float32"
        nodes.append(node)
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(nodes)


def _half(tensor: onnx.TensorProto) -> np.ndarray:
    values = numpy_helper.to_array(tensor)
    if (largest := float(np.abs(values).max(initial=0))) > float(np.finfo(np.float16).max):
        raise EdgeError(f"{tensor.name}: expected weights within float16's range, found {largest:.3g}; use int8 instead")
    return values.astype(np.float16)


def _cast(name: str, output: str) -> onnx.NodeProto:
    return helper.make_node("Cast", [name], [output], f"{output}_cast", to=TensorProto.FLOAT)
