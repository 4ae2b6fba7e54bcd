"""INT8 by ONNX Runtime's dynamic quantisation: weights once, activations at each run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import onnx

from pipeline.compress import Source
from pipeline.compress.onnx_files import (
    FILE,
    MAPPED_BEYOND,
    UNTYPED,
    bytes_on_disk,
    copy_graph,
    finish,
    fp32_spec,
    nothing_quantised,
    unusable,
    weights_report,
)
from pipeline.compress.plan import Plan, with_scales
from pipeline.compress.settings.int8 import FAMILY as FAMILY
from pipeline.compress.settings.int8 import STAGE as STAGE
from pipeline.compress.settings.int8 import Settings
from pipeline.quiet import quiet

NEEDS, LIBRARIES = (), ("onnx", "onnxruntime")
_INTEGER_MATMULS = {"MatMulInteger", "DynamicQuantizeMatMul", "DynamicQuantizeGemm", "QGemm"}


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Quantise an exported fp32 directory into ``out``: model.onnx and runtime.json.

    Matrix weights become int8 per output channel; the embedding int8 with one scale.  A generator's tokenizer.json comes
    along.  EdgeError when nothing was quantised or the result gives no finite logits.
    """
    spec, before = fp32_spec(source.model)
    after = out / FILE
    _quantise(before, after)
    nodes = onnx.load(str(after), load_external_data=False).graph.node
    integer = sum(node.op_type in _INTEGER_MATMULS for node in nodes)
    if not integer:
        raise nothing_quantised(before)
    finish(out, source, spec, "int8")
    return {"integer_matmuls": integer, **weights_report(before, after)}


def predict(plan: Plan, settings: Settings) -> Plan:
    return plan.after(plan.parameters * 5e-8, matrix_bits=with_scales(8, plan.hidden), embedding_bits=8)


def _quantise(before: Path, after: Path) -> None:
    """ONNX Runtime writes an intermediate file beside the model it reads, so it reads a copy: ``before`` is an artifact."""
    try:
        with quiet(), tempfile.TemporaryDirectory(dir=after.parent) as folder:
            from onnxruntime.quantization import QuantType, quantize_dynamic

            quantize_dynamic(
                copy_graph(before, Path(folder)), after, op_types_to_quantize=["MatMul", "Gemm", "Gather"], per_channel=True,
                weight_type=QuantType.QInt8, extra_options=UNTYPED,
                use_external_data_format=bytes_on_disk(before) > 4 * MAPPED_BEYOND)
    except Exception as error:  # protobuf, onnx and onnxruntime each raise their own kinds
        raise unusable(before, error) from error
