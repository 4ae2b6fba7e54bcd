"""Weights of 4 bits, or 2 or 8, in groups with a scale each; activations in float32, or rounded to int8 at each run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import model_validator

from pipeline.compress import GRAPH, QUANTISATION, Source
from pipeline.compress.nbits import Form, Group, Method, rewrite, tables
from pipeline.compress.onnx_files import FILE, finish, fp32_spec, nothing_quantised, products, read_graph, save_graph, weights_report
from pipeline.compress.plan import Plan
from pipeline.compress.settings import Settings as Base

STAGE, FAMILY, NEEDS, LIBRARIES = GRAPH, QUANTISATION, (), ("onnx", "onnxruntime", "torch")
TABLE_BITS = {"int4": 4, "int8": 8, "float32": 32}


class Settings(Base):
    """How weights are kept.

    bits: of a weight.  group: how many weights along a matrix's input share a scale; it must divide every input width.
    method: rtn rounds to the nearest code; hqq fits zero points to weights with outliers; k_quant weighs large weights more.
    symmetric: no zero points; of rtn alone.  activations: int8 rounds them at each run and multiplies integers; hqq's zero
    points are no integers, so it takes float32 alone, and no 8 bits.  (The kernel does 2 bits in groups of 16 and 256 in float32
    always.)  embedding: its codes are rtn's, in groups of the same size along a row.
    """

    bits: Literal[2, 4, 8] = 4
    group: Group = 32
    method: Method = "rtn"
    symmetric: bool = False
    activations: Literal["int8", "float32"] = "float32"
    embedding: Literal["int4", "int8", "float32"] = "int8"

    @model_validator(mode="after")
    def _served(self) -> Self:
        if self.symmetric and self.method != "rtn":
            raise ValueError(f"expected symmetric false with {self.method}, whose zero points are its point; use rtn")
        if self.method == "hqq" and (self.bits == 8 or self.activations == "int8"):
            raise ValueError("expected bits 2 or 4 and activations float32 with hqq: no kernel takes its zero points otherwise")
        return self

    @property
    def form(self) -> Form:
        return Form(self.bits, self.group, self.method, self.symmetric, self.activations == "int8")


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
