"""Bits by measured sensitivity: most matrices at few bits, those that matter most at more, within an average.

Each group of matrices (attention or feed-forward of a layer, the head) is put to the low bits alone, and the Kullback-Leibler
divergence of the label probabilities from the fp32 model's is measured over a few prompts.  The high bits go where they save
most divergence a bit, as in HAWQ (arXiv 1905.03696) with the model's own output in place of a Hessian.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

from pipeline.compress import DATA, Source
from pipeline.compress.calibration import asked
from pipeline.compress.nbits import Form, quantise, rewrite, tables
from pipeline.compress.onnx_files import (
    FILE,
    classifier_spec,
    finish,
    nothing_quantised,
    products,
    read_graph,
    save_graph,
    weights_report,
)
from pipeline.compress.plan import Plan
from pipeline.compress.settings.mixed import FAMILY as FAMILY
from pipeline.compress.settings.mixed import STAGE as STAGE
from pipeline.compress.settings.mixed import Settings
from pipeline.compress.techniques.int4 import embedding_form, table_bits
from pipeline.runtime.onnx_runtime import CPU

NEEDS, LIBRARIES = (DATA,), ("onnx", "onnxruntime", "tokenizers")
_PART = re.compile(r"^(.*layers\.\d+\.(?:attention|mlp))\.")


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Quantise a classifier's fp32 directory; the report has ``sensitivity`` and ``bits`` by group, and ``average_bits``.

    EdgeError without calibration data or products, and for a group size that does not divide.
    """
    spec, before = classifier_spec(source.model)
    prompts = [one.ids[len(spec.get("prefix", [])):] for one in asked(source, settings.samples, settings.seed)]
    model = read_graph(before)
    groups = grouped(products(model.graph).values())
    if not groups:
        raise nothing_quantised(before)
    found = sensitivities(model, groups, settings.form(settings.low), prompts)
    counted = {tensor.name: int(np.prod(tensor.dims)) for tensor in model.graph.initializer}
    sizes = {name: sum(counted[weight] for weight in weights) for name, weights in groups.items()}
    bits = allot(found, sizes, settings)
    forms = {weight: settings.form(bits[name]) for name, weights in groups.items() for weight in weights}
    if settings.embedding != "float32":
        forms |= dict.fromkeys(tables(model.graph), embedding_form(settings.embedding, settings.group))
    rewrite(model, forms)
    save_graph(model, out / FILE)
    finish(out, source, spec, "mixed")
    return {"sensitivity": {name: float(f"{value:.6g}") for name, value in found.items()}, "bits": bits,
            "average_bits": round(average(bits, sizes), 4), "prompts": len(prompts), **weights_report(before, out / FILE)}


def predict(plan: Plan, settings: Settings) -> Plan:
    reads = (2 * plan.layers + 1) * settings.samples
    return plan.after(plan.parameters * (8e-8 + 1.2e-9 * reads), matrix_bits=settings.bits - 4 + settings.form(4).stored_bits,
                      embedding_bits=table_bits(settings.embedding, settings.group))


def grouped(weights: Iterable[str]) -> dict[str, list[str]]:
    """Group name -> weights: a layer's attention or mlp; what is in no layer is a group by itself."""
    groups: dict[str, list[str]] = {}
    for weight in dict.fromkeys(weights):
        found = _PART.match(weight)
        groups.setdefault(found[1] if found else weight, []).append(weight)
    return groups


def allot(sensitivity: Mapping[str, float], sizes: Mapping[str, int], settings: Settings) -> dict[str, int]:
    """Bits by group: the high ones to the most sensitive a weight, while the average stays within ``settings.bits``."""
    bits = dict.fromkeys(sensitivity, int(settings.low))
    for name in sorted(sensitivity, key=lambda name: (-sensitivity[name] / sizes[name], name)):
        if average({**bits, name: settings.high}, sizes) <= settings.bits:
            bits[name] = int(settings.high)
    return bits


def average(bits: Mapping[str, int], sizes: Mapping[str, int]) -> float:
    return sum(bits[name] * size for name, size in sizes.items()) / sum(sizes.values())


def sensitivities(model: onnx.ModelProto, groups: Mapping[str, Sequence[str]], form: Form,
                  prompts: Sequence[Sequence[int]]) -> dict[str, float]:
    """Mean divergence (nats) of the label probabilities by group, with that group alone in ``form``.

    One session for all of it: the matrices are its inputs, so that exchanging some costs neither a file nor a load.
    """
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    names = {*products(model.graph).values(), *tables(model.graph)}
    run = _opened(model, names)
    held = {name: _value(weights[name]) for name in names}
    exact = [run(ids, held) for ids in prompts]
    found = {}
    for name, members in groups.items():
        coarse = {weight: _value(quantise(weights[weight].T, form, weight).values.T) for weight in members}
        divergence = [float(np.exp(p) @ (p - run(ids, {**held, **coarse}))) for p, ids in zip(exact, prompts, strict=True)]
        found[name] = max(0.0, float(np.mean(divergence)))
    return found


def _opened(model: onnx.ModelProto, names: Collection[str]) -> Callable[[Sequence[int], Mapping[str, Any]], np.ndarray]:
    """A function of token ids and values for the weights ``names`` that gives the log probabilities of the labels."""
    graph = model.graph
    inputs = [helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
              for tensor in graph.initializer if tensor.name in names]
    opened = helper.make_graph(graph.node, "opened", [*graph.input, *inputs], graph.output,
                               [tensor for tensor in graph.initializer if tensor.name not in names])
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(helper.make_model(opened, opset_imports=model.opset_import, ir_version=model.ir_version)
                                   .SerializeToString(), options, providers=[CPU])
    asks, gives = graph.input[0].name, graph.output[0].name

    def run(ids: Sequence[int], weights: Mapping[str, Any]) -> np.ndarray:
        logits = session.run_with_ort_values([gives], {asks: _value(np.array([ids], np.int64)), **weights})[0].numpy()[0]
        shifted = logits.astype(np.float64) - logits.max()
        return shifted - np.log(np.exp(shifted).sum())

    return run


def _value(array: np.ndarray) -> ort.OrtValue:
    return ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))
