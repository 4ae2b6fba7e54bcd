"""INT8 weights and activations by ONNX Runtime's static quantisation: ranges of activations are fixed from calibration prompts.

One range for all tokens and channels cuts or coarsens a language model's activations, whose outliers sit in few channels, so
expect a larger loss than with `int8`, whose ranges follow each run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from pipeline.compress import DATA, Source
from pipeline.compress.calibration import asked
from pipeline.compress.nbits import rewrite, tables
from pipeline.compress.onnx_files import (
    FILE,
    PRODUCTS,
    UNTYPED,
    classifier_spec,
    copy_graph,
    finish,
    is_large,
    nothing_quantised,
    products,
    read_graph,
    save_graph,
    unusable,
    weights_report,
)
from pipeline.compress.plan import Plan, with_scales
from pipeline.compress.settings.int8_static import FAMILY as FAMILY
from pipeline.compress.settings.int8_static import STAGE as STAGE
from pipeline.compress.settings.int8_static import Settings
from pipeline.compress.techniques.int4 import embedding_form, table_bits
from pipeline.errors import EdgeError
from pipeline.quiet import quiet

NEEDS, LIBRARIES = (DATA,), ("onnx", "onnxruntime", "tokenizers")


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Quantise a classifier's fp32 directory: weights int8 per output channel, inputs of the products uint8 with one range.

    ``ranges`` in the report: how many activations have one, and the widest.  EdgeError without calibration data or products.
    """
    spec, before = classifier_spec(source.model)
    if spec.get("graph") == "fused":
        raise EdgeError(f"{source.model}: expected the portable graph, whose operators the calibration can look into, found the fused "
                        "one; write `graph: portable` in the recipe")
    prompts = [one.ids[len(spec.get("prefix", [])):] for one in asked(source, settings.samples, settings.seed)]
    matrices = products(read_graph(before).graph)
    if not matrices:
        raise nothing_quantised(before)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        made = Path(folder, "made.onnx")
        try:
            ranges = _quantise(copy_graph(before, Path(folder)), made, list(matrices), prompts, settings)
        except Exception as error:  # onnx and onnxruntime each raise their own kinds
            raise unusable(before, error) from error
        model = read_graph(made)
    if settings.embedding != "float32":
        rewrite(model, dict.fromkeys(tables(model.graph), embedding_form(settings.embedding, settings.group)))
    save_graph(model, out / FILE)
    finish(out, source, spec, "int8-static")
    return {"integer_matmuls": _integer(model.graph), "ranges": ranges, "prompts": len(prompts), **weights_report(before, out / FILE)}


def predict(plan: Plan, settings: Settings) -> Plan:
    return plan.after(plan.parameters * 2e-7, matrix_bits=with_scales(8, plan.hidden),
                      embedding_bits=table_bits(settings.embedding, settings.group))


class _One:
    """A calibration reader of one prompt: the library stacks what one reader gives, so lengths must not vary within it."""

    def __init__(self, prompt: Sequence[int], name: str) -> None:
        self._left = [{name: np.array([prompt], np.int64)}]

    def get_next(self) -> dict[str, np.ndarray] | None:
        return self._left.pop() if self._left else None


def _quantise(model: Path, after: Path, nodes: Sequence[str], prompts: Sequence[Sequence[int]], settings: Settings) -> dict[str, Any]:
    """One prompt's activations are in memory at a time; between them there are ranges or histograms."""
    with quiet():
        from onnxruntime.quantization import CalibrationMethod, QuantType, create_calibrator, quantize_static, save_tensors_data

        method = {"minmax": CalibrationMethod.MinMax, "entropy": CalibrationMethod.Entropy,
                  "percentile": CalibrationMethod.Percentile}[settings.method]
        large = is_large(model)
        calibrator = create_calibrator(
            model, PRODUCTS, str(model.with_name("augmented.onnx")), method, use_external_data_format=large,
            extra_options={"percentile": settings.percentile} if settings.method == "percentile" else {})
        for prompt in prompts:
            calibrator.collect_data(_One(prompt, calibrator.infer_session.get_inputs()[0].name))
        ranges = calibrator.compute_data()
        del calibrator
        save_tensors_data(ranges, cache := model.with_name("ranges.json"))
        quantize_static(
            model, after, None, op_types_to_quantize=list(PRODUCTS), nodes_to_quantize=list(nodes), per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=method, calibration_cache_path=cache,
            use_external_data_format=large,
            extra_options={"OpTypesToExcludeOutputQuantization": list(PRODUCTS), **UNTYPED})
    taken = {node.input[0] for node in read_graph(model).graph.node if node.name in nodes}
    widths = {name: float(np.ptp(data.range_value)) for name, data in ranges.items() if name in taken}
    name = max(widths, key=widths.__getitem__)
    return {"activations": len(widths), "widest": {name: round(widths[name], 4)}}


def _integer(graph: onnx.GraphProto) -> int:
    """Products whose two inputs are dequantised, which a session runs in integers."""
    dequantised = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    return sum(node.op_type in PRODUCTS and dequantised.issuperset(node.input[:2]) for node in graph.node)
