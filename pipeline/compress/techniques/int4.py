"""Weights of 4 bits, or 2 or 8, in groups with a scale each; activations in float32, or rounded to int8 at each run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.compress import Source
from pipeline.compress.nbits import Form, rewrite, tables
from pipeline.compress.onnx_files import FILE, finish, fp32_spec, nothing_quantised, products, read_graph, save_graph, weights_report
from pipeline.compress.plan import Plan
from pipeline.compress.settings.int4 import FAMILY as FAMILY
from pipeline.compress.settings.int4 import STAGE as STAGE
from pipeline.compress.settings.int4 import Settings

NEEDS, LIBRARIES = (), ("onnx", "onnxruntime", "torch")
TABLE_BITS = {"int4": 4, "int8": 8, "float32": 32}


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Quantise an exported fp32 directory; EdgeError for a group that does not divide, or when nothing was quantised."""
    spec, before = fp32_spec(source.model)
    model = read_graph(before)
    matrices = products(model.graph)
    if not matrices:
        raise nothing_quantised(before)
    forms = dict.fromkeys(matrices.values(), settings.form)
    if settings.embedding != "float32":
        forms |= dict.fromkeys(tables(model.graph), embedding_form(settings.embedding, settings.group))
    nodes = rewrite(model, forms)
    save_graph(model, out / FILE)
    finish(out, source, spec, f"int{settings.bits}")
    return {"quantised_nodes": nodes, **weights_report(before, out / FILE)}


def predict(plan: Plan, settings: Settings) -> Plan:
    return plan.after(plan.parameters * 8e-8, matrix_bits=settings.form.stored_bits,
                      embedding_bits=table_bits(settings.embedding, settings.group))


def embedding_form(kept: str, group: int) -> Form:
    return Form(TABLE_BITS[kept], group)


def table_bits(kept: str, group: int) -> float:
    return 32 if kept == "float32" else embedding_form(kept, group).stored_bits
