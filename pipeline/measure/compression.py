"""What compression achieved: how much smaller a model is than the one it was made from, and with which techniques."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.compress.report import size_of
from pipeline.compress.step import report_of
from pipeline.errors import EdgeError
from pipeline.measure.decisions import paired_artifacts
from pipeline.measure.measurement import Exact, NotMeasured, Sample
from pipeline.measure.memory import memory
from pipeline.measure.subject import Subject

FORMATS = {"int8": "INT8", "uint8": "INT8", "int4": "INT4", "float16": "FP16", "float8_e4m3fn": "FP8"}
"""What a number format is called, by the type that the weights of a file are kept in."""


def size_share(original: Subject, candidate: Subject) -> Exact:
    """The candidate's weights in bytes as a share of the original's."""
    sizes = {"original": size_of(original.model), "candidate": size_of(candidate.model)}
    return Exact(metric="size_share", unit="proportion", artifacts=paired_artifacts(original.artifacts, candidate.artifacts),
                 details={"bytes": sizes}, value=sizes["candidate"] / sizes["original"])


def memory_share(original: Subject, candidate: Subject, queries: Sequence[str]) -> Sample | NotMeasured:
    """Peak RSS of the candidate's serving process as a share of the original's, a pair of fresh processes a repeat."""
    found = [memory(subject, queries, definition="peak_rss") for subject in (original, candidate)]
    if missing := next((one for one in found if isinstance(one, NotMeasured)), None):
        return NotMeasured(metric="memory_share", unit="proportion", reason=missing.reason)
    whole, small = found
    return Sample(
        metric="memory_share", unit="proportion", artifacts=paired_artifacts(original.artifacts, candidate.artifacts),
        conditions=dict(small.conditions), details={"megabytes": {"original": whole.values, "candidate": small.values}},
        invalid=whole.invalid or small.invalid, values=[mine / its for mine, its in zip(small.values, whole.values, strict=True)])


def families(steps: Mapping[str, Path], artifacts: Mapping[str, str]) -> Exact:
    """How many families of techniques built these artifacts.  details: the techniques of each.

    steps: name -> directory of a compression step; artifacts: name -> store key.
    """
    found: dict[str, list[str]] = {}
    for directory in steps.values():
        report = report_of(directory)
        found.setdefault(report["family"], []).append(report["technique"])
    if not found:
        raise EdgeError("expected steps of compression, found none; build a recipe first")
    return Exact(metric="technique_families", unit="count", artifacts=dict(artifacts), value=float(len(found)),
                 details={family: sorted(set(names)) for family, names in found.items()})


def formats(models: Mapping[str, Path], artifacts: Mapping[str, str]) -> Exact:
    """How many of INT8, INT4, FP16 and FP8 the weights of these models are really kept in.  details: where each was seen.

    A format counts where most of a model's weights are kept in it.
    """
    found = {name: FORMATS.get(kept_in(directory)) for name, directory in models.items()}
    seen: dict[str, Any] = {form: sorted(name for name, its in found.items() if its == form) for form in sorted(set(FORMATS.values()))}
    return Exact(metric="number_formats", unit="count", artifacts=dict(artifacts), details=seen,
                 value=float(sum(bool(names) for names in seen.values())))


def kept_in(directory: Path) -> str:
    """The type that most of a directory's weights are kept in: of an exported graph or of safetensors, by their headers."""
    from pipeline.compress.weight_types import graph_types, tensor_types

    found = graph_types(directory) if (directory / "runtime.json").is_file() else tensor_types(directory)
    return max(found, key=lambda kind: found[kind])
