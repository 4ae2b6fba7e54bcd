"""INT8 by ONNX Runtime's dynamic quantisation: weights once, activations at each run."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from pipeline.compress import GRAPH, QUANTISATION, Source
from pipeline.compress.plan import Plan, with_scales
from pipeline.compress.settings import Settings as Base
from pipeline.errors import EdgeError
from pipeline.runtime import load
from pipeline.runtime.files import read_object, write_object
from pipeline.runtime.generator import TASK, open_generator
from pipeline.runtime.prompt import read_tokenizer

STAGE, FAMILY, NEEDS, LIBRARIES = GRAPH, QUANTISATION, (), ("onnx", "onnxruntime")
_INTEGER_MATMULS = {"MatMulInteger", "DynamicQuantizeMatMul", "DynamicQuantizeGemm", "QGemm"}
_PROTOBUF_LIMIT = 1_900_000_000  # bytes; one protobuf message holds 2 GiB


class Settings(Base):
    """Nothing to set: a scale for each output channel."""


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Quantise an exported fp32 directory into ``out``: model.onnx and runtime.json.

    Matrix weights become int8 per output channel; the embedding int8 with one scale.  A generator's tokenizer.json comes
    along.  EdgeError when nothing was quantised or the result gives no finite logits.
    """
    spec = read_object(source.model / "runtime.json", "the runtime of an exported model")
    before, after = source.model / spec["file"], out / "model.onnx"
    _quantise(before, after)
    report = _report(before, after)
    if not report["integer_matmuls"]:
        raise EdgeError(f"{before}: expected matrix products with constant weights, found none that could be "
                        "quantised; export the model again")
    write_object(out / "runtime.json", {**spec, "file": after.name, "weights": "int8"})
    if spec.get("task") == TASK:
        read_tokenizer(source.model)
        shutil.copyfile(source.model / "tokenizer.json", out / "tokenizer.json")
    _check_runs(out, spec)
    return report


def predict(plan: Plan, settings: Settings) -> Plan:
    return plan.after(plan.parameters * 5e-8, matrix_bits=with_scales(8, plan.hidden), embedding_bits=8)


def _quantise(before: Path, after: Path) -> None:
    """ONNX Runtime writes an intermediate file beside the model it reads, so it reads a copy: ``before`` is an artifact.

    Links would not do: onnx refuses external data that is linked.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    if not before.is_file():
        raise EdgeError(f"expected a model at {before}, found none; export it again")
    logging.disable(logging.WARNING)  # it advises a shape inference that it then does by itself
    try:
        with tempfile.TemporaryDirectory(dir=after.parent) as folder:
            for part in _parts(before):
                shutil.copyfile(part, Path(folder, part.name))
            quantize_dynamic(
                Path(folder, before.name), after, op_types_to_quantize=["MatMul", "Gemm", "Gather"], per_channel=True,
                weight_type=QuantType.QInt8, use_external_data_format=_bytes_on_disk(before) > 4 * _PROTOBUF_LIMIT)
    except Exception as error:  # protobuf, onnx and onnxruntime each raise their own kinds
        raise EdgeError(f"{before}: expected a model that can be quantised, found {type(error).__name__}: {error}; "
                        "export it again") from error
    finally:
        logging.disable(logging.NOTSET)


def _report(before: Path, after: Path) -> dict[str, Any]:
    graph = onnx.load(str(after), load_external_data=False).graph
    constant = {weight.name for weight in graph.initializer}
    left = [node.name for node in graph.node
            if node.op_type in ("MatMul", "Gemm") and constant.intersection(node.input[:2])]
    return {
        "integer_matmuls": sum(node.op_type in _INTEGER_MATMULS for node in graph.node),
        "left_in_float": left,
        "weight_bytes": {"before": _bytes_by_kind(before), "after": _bytes_by_kind(after)},
    }


def _bytes_by_kind(file: Path) -> dict[str, int]:
    sizes: Counter[str] = Counter()
    for weight in onnx.load(str(file), load_external_data=False).graph.initializer:
        kind = onnx.helper.tensor_dtype_to_np_dtype(weight.data_type)
        sizes[kind.name] += int(np.prod(weight.dims, dtype=np.int64)) * kind.itemsize
    return dict(sorted(sizes.items()))


def _parts(file: Path) -> list[Path]:
    """The graph and its external data."""
    return sorted(file.parent.glob(f"{file.name}*"))


def _bytes_on_disk(file: Path) -> int:
    return sum(part.stat().st_size for part in _parts(file))


def _check_runs(out: Path, spec: Mapping[str, Any]) -> None:
    for length in (1, spec["max_length"]):
        if not np.isfinite(_logits(out, spec, length)).all():
            raise EdgeError(f"{out}: expected finite logits after quantisation, found others at {length} tokens; "
                            "do not use this model")


def _logits(out: Path, spec: Mapping[str, Any], length: int) -> np.ndarray:
    if spec.get("task") == TASK:
        return open_generator(out, threads=1).start([0] * length).logits
    return load(out, spec["label_ids"], threads=1).logits([spec["label_ids"][0]] * length)
