"""Whether the very Core ML program that goes to a device means what the torch model does, read off the device.

The program is executed operation by operation in numpy (backend ``mil``): its semantics and its range are verified, not that Core ML
compiles it, nor how fast it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import EdgeError
from pipeline.formats.mil_interpreter import Interpreter
from pipeline.formats.mlpackage import Function, read_mlpackage
from pipeline.measure.measurement import Exact, Sample
from pipeline.measure.subject import Subject
from pipeline.progress import track
from pipeline.runtime.decision import read_rule
from pipeline.runtime.files import read_object
from pipeline.runtime.mil_runtime import open_runtime
from pipeline.runtime.prompt import Prompt
from pipeline.runtime.static_lengths import read_coreml_files

if TYPE_CHECKING:
    from torch import nn

VERIFIED = "program semantics verified; not executed by Core ML"
BLOCK = 1024  # neighbouring weights that are looked at together
NO_NUMBER = 65504.0  # what a difference from logits that are not finite counts as
SHOWN = 20
EACH = 3  # queries that every function is run on, however short they are
_WEIGHT = re.compile(r"p_(\w+?)_to_fp16(?:_quantized|_palettized)?")


@dataclass(frozen=True)
class ProgramRun:
    """What one program did on some queries.

    differences: of a query, the largest of its logits from torch's with the same weights; of the first queries by every
    function.  weight_errors: function and parameter -> of the worst BLOCK of its weights, the norm of the error by the norm of the
    weights.  faults: function and tensor -> "overflow" or "not finite".
    """

    subject: Subject
    differences: list[float]
    weight_errors: dict[str, float]
    faults: dict[str, str]
    conditions: dict[str, Any] = field(default_factory=dict)


def run_program(subject: Subject, merged: Path, queries: Sequence[str]) -> ProgramRun:
    """Run the Core ML program of ``subject``, exported from the Hugging Face directory ``merged``, on the queries.

    torch computes in float32, without padding or a mask, from the weights that the program holds, dequantised; of fp16 from
    those of ``merged``, rounded, for they must be the same.  EdgeError when a weight is missing or of another shape.
    """
    import torch

    rule = read_rule(subject.decision)
    prompt = Prompt(subject.decision, rule.prefix, rule.suffix, rule.max_length)
    forward, runtime = _forward(merged, rule.label_ids, rule.max_length), open_runtime(subject.model, rule.label_ids, subject.threads)
    files, errors = read_coreml_files(subject.model, rule.label_ids), dict[str, float]()
    fp16 = read_object(subject.model / "runtime.json", "the runtime of an exported model").get("weights") == "fp16"
    original = {name: parameter.detach().numpy().copy() for name, parameter in forward.named_parameters()}
    for function in read_mlpackage(files.package).functions.values():
        for name, weights in _weights(function, original):
            errors[f"{function.name} {name}"] = block_error(original[name], weights)
            held = original[name].astype(np.float16).astype(np.float32) if fp16 else weights
            forward.get_parameter(name).data.copy_(torch.from_numpy(held.copy()))
    plan = [("", query) for query in queries] + [(name, query) for name in files.functions for query in queries[:EACH]]
    differences = []
    with torch.inference_mode(), track(f"{subject.name}: program", len(plan)) as progress:
        for function, query in plan:
            ids = prompt.encode(query).ids
            if not function or len(ids) <= files.functions[function]:
                differences.append(_difference(forward(torch.tensor([ids]))[0].numpy(), runtime.logits(ids, function)))
            progress.advance(1)
    conditions = {"backend": runtime.backend, "provider": runtime.provider, "threads": runtime.threads, "verified": VERIFIED}
    return ProgramRun(subject, differences, errors, runtime.faults, conditions)


def program_difference(run: ProgramRun) -> Sample:
    """The largest difference of a query's logits between the program and torch with the same weights, one value a query."""
    return Sample(metric="program_difference", unit="logits", artifacts=dict(run.subject.artifacts), conditions=dict(run.conditions),
                  details={"verified": VERIFIED, "mean": float(np.mean(run.differences))}, values=list(run.differences))


def program_weights(run: ProgramRun) -> Sample:
    """How far the program's weights are from the model's, one value a parameter and function: `ProgramRun.weight_errors`."""
    worst = dict(sorted(run.weight_errors.items(), key=lambda each: -each[1])[:SHOWN])
    return Sample(metric="program_weights", unit="proportion", artifacts=dict(run.subject.artifacts), conditions=dict(run.conditions),
                  details={"verified": VERIFIED, "block": BLOCK, "worst": worst}, values=list(run.weight_errors.values()))


def program_faults(runs: Sequence[ProgramRun]) -> Exact:
    """Number of tensors, over all runs, that overflowed float16 or were not finite.  details: the first of them; ``n`` queries."""
    faults = {f"{run.subject.name} {tensor}": fault for run in runs for tensor, fault in run.faults.items()}
    artifacts = {name: key for run in runs for name, key in run.subject.artifacts.items()}
    return Exact(metric="program_faults", unit="count", artifacts=artifacts, conditions=dict(runs[0].conditions) if runs else {},
                 details={"verified": VERIFIED, "n": sum(len(run.differences) for run in runs),
                          "faults": dict(list(faults.items())[:SHOWN])}, value=float(len(faults)))


def block_error(original: np.ndarray, held: np.ndarray) -> float:
    """Of the worst BLOCK neighbouring weights (the last ones reach back), the norm of the error by the norm of the weights."""
    before, after = original.astype(np.float32).ravel(), held.astype(np.float32).ravel()
    whole = len(before) // BLOCK * BLOCK
    parts = [(before[:whole].reshape(-1, BLOCK), after[:whole].reshape(-1, BLOCK)), (before[-BLOCK:][None], after[-BLOCK:][None])]
    worst = 0.0
    for a, b in parts:
        if a.size:
            share = np.linalg.norm(b - a, axis=1) / np.maximum(np.linalg.norm(a, axis=1), np.finfo(np.float32).tiny)
            worst = max(worst, float(np.nan_to_num(share, nan=NO_NUMBER, posinf=NO_NUMBER).max()))
    return worst


def _forward(merged: Path, label_ids: Sequence[int], max_length: int) -> nn.Module:
    from pipeline.export.forward import ClassifierForward
    from pipeline.runtime.torch_runtime import load_model

    return ClassifierForward(load_model(merged), label_ids, max_length).eval().requires_grad_(False)


def _weights(function: Function, original: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Each parameter and its values in the program, which calls it ``p_``, its name with _ for a dot, and how it was made."""
    makers, found = Interpreter(function).constants(), dict[str, str]()
    for name in makers:
        if match := _WEIGHT.fullmatch(name):
            found[match[1]] = max(found.get(match[1], ""), name, key=len)  # the dequantised one has the longer name
    for name, values in original.items():
        called = found.get(name.replace(".", "_"))
        if not called and (values == 1).all():
            continue  # coremltools leaves out a product with ones
        held = makers[called]() if called else np.empty(0)
        if held.shape != values.shape:
            raise EdgeError(f"{function.name}: expected the weights {name} {values.shape}, found {held.shape if called else 'none'}; "
                            "export the model again")
        yield name, held


def _difference(expected: np.ndarray, found: np.ndarray) -> float:
    apart = float(np.abs(expected - found).max())
    return apart if np.isfinite(apart) else NO_NUMBER
