"""A classifier of other tasks in the formats of devices: its logits are of its own labels, in their order."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from pipeline.profile import load_profile
from pipeline.runtime import load, why_not_here
from pipeline.runtime.prompt import label_ids, read_tokenizer
from pipeline.runtime.torch_runtime import TorchRuntime, load_model
from pipeline.store import Artifact, Spec

LABELS, LONGEST = ["E", "B", "F"], 16
CASES = [("onnx_coreml", "fp16", "onnx-reference"),
         pytest.param("coreml", "fp16", "mil", marks=pytest.mark.slow), pytest.param("litert", "fp32", "", marks=pytest.mark.slow)]


@pytest.mark.parametrize(("form", "variant", "backend"), CASES)
def test_the_logits_are_of_the_labels_that_were_asked(merged, tmp_path, form, variant, backend):
    if form == "litert" and (reason := why_not_here("litert")):
        pytest.skip(reason)
    module, out, scratch = importlib.import_module(f"pipeline.export.{form}"), tmp_path / "out", tmp_path / "scratch"
    out.mkdir()
    scratch.mkdir()
    module.export(out, scratch, merged=merged, config={**module.VARIANTS[variant], "max_length": LONGEST, "labels": LABELS})
    ids = label_ids(read_tokenizer(merged), LABELS)
    assert json.loads((out / "runtime.json").read_text())["label_ids"] == ids
    expected = TorchRuntime(load_model(merged), ids).logits([1, 2, 3])
    assert abs(load(out, ids, 1, backend).logits([1, 2, 3]) - expected).max() < 0.2


def test_what_a_variant_is_made_of_has_its_labels_and_kind_too():
    from pipeline.export.formats import built

    asked: list[Spec] = []

    def build(spec: Spec) -> Artifact:
        asked.append(spec)
        return Artifact("0" * 64, spec.kind, Path("nowhere"), {})

    built(build, load_profile("reference"), Artifact("1" * 64, "merged", Path("nowhere"), {}), "coreml-int8", LABELS, "assistant-")
    assert [(spec.kind, spec.config["labels"]) for spec in asked] == [("assistant-coreml-fp16", LABELS), ("assistant-coreml-int8", LABELS)]
