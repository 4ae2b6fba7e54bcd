"""Quantised models beside their original: the one record that every table is rendered from."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError
from pipeline.measure.comparison import Measured
from pipeline.measure.host import describe_host
from pipeline.measure.measurement import Sample
from pipeline.precision.answers import Answers, held_against
from pipeline.precision.layers import LayersApart, weights_apart
from pipeline.precision.perplexity import perplexities
from pipeline.precision.stored import bytes_of, made_by, manifest
from pipeline.precision.texts import Texts
from pipeline.precision.tokens import LENGTH, STRIDE, said
from pipeline.progress import note
from pipeline.verdict.bootstrap import interleaved_change

ORIGINAL, CONFIDENCE, VERSION = "original", 0.95, 1
TEXTS, LONGEST = 200, 4096
"""How many texts are read, and how many tokens of each, if nothing is said."""
NOT_SERVED = ("time and memory are measured of a model exported for a runtime that keeps it small; on a CPU transformers computes a dense "
              "one, so they would be the original's")
NO_MANIFEST = "the directory has no quantization.json, so how long it took is not known"


@dataclass(frozen=True)
class Comparison:
    """Models held against their original.  rows: the original's first; what was not measured is {"reason": why} in its place."""

    texts: dict[str, Any]
    rows: list[dict[str, Any]]
    host: dict[str, Any]
    settings: dict[str, Any]
    confidence: float = CONFIDENCE
    version: int = VERSION

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def compare(
    original: Path, quantised: Mapping[str, Path], texts: Texts, *, most: int | None = TEXTS, longest: int | None = LONGEST,
    length: int = LENGTH, stride: int = STRIDE, answered: Mapping[str, Mapping[str, Answers]] | None = None,
    served: Mapping[str, Measured] | None = None, confidence: float = CONFIDENCE,
) -> Comparison:
    """Hold each of ``quantised`` (name -> compressed-tensors directory, or any that transformers loads) against ``original``.

    texts: what both read, at most ``most`` of them and ``longest`` tokens of each, in windows of ``length`` tokens, ``stride`` apart;
    blocks of a running text whole, where the models can.
    answered: name -> task -> what was asked and was right, the original's under "original".  served: name -> ``latency`` and ``memory``
    of the model as it was exported (`pipeline.measure.comparison.measure_all`).
    Two models are in memory at a time, in float32.  EdgeError for a directory that cannot be loaded, another vocabulary, or no text.
    """
    from pipeline.runtime.torch_quantised_runtime import load_served

    if not quantised or ORIGINAL in quantised:
        raise EdgeError(f"expected models by names other than {ORIGINAL}, found {', '.join(quantised) or 'none'}; name at least one")
    ids, length = texts.encoded(original, longest, most), texts.block or length
    answered, served = answered or {}, served or {}
    exact, rows, before = load_served(original), [], None
    for name, directory in quantised.items():
        note(f"{name}: {len(ids)} texts, {sum(map(len, ids)):,} tokens")
        found = load_served(directory)
        _check_same_vocabulary(exact, found, directory)
        layers = LayersApart(exact, found)
        read = said(exact, found, ids, layers, length, stride)
        perplexity = perplexities(read, confidence)
        before = perplexity.pop("original")
        rows.append({
            "name": name, "made_by": made_by(directory), "size": bytes_of(original, directory), "seconds": _seconds(directory),
            "perplexity": perplexity, "agreement": read.per_text("agreed").to_json(confidence, share=True),
            "divergence": read.per_text("divergence").to_json(confidence), "layers": layers.to_json(),
            "weights": weights_apart(exact, found), **_asked(answered, name, confidence),
            **_served(served, name, confidence)})
        del found, layers
        gc.collect()  # models refer to themselves
    first = {"name": ORIGINAL, "made_by": "", "size": bytes_of(original, original), "perplexity": {"candidate": before},
             **_asked(answered, ORIGINAL, confidence), **_served(served, ORIGINAL, confidence)}
    return Comparison({"name": texts.name, "texts": len(ids), "tokens": sum(map(len, ids))}, [first, *rows], describe_host(),
                      {"length": length, "stride": stride, "most": most, "longest": longest}, confidence)


def _check_same_vocabulary(exact: Any, found: Any, directory: Path) -> None:
    one, other = (model.config.vocab_size for model in (exact, found))
    if one != other:
        raise EdgeError(f"{directory}: expected the original's vocabulary of {one:,}, found {other:,}; compare models of one tokenizer")


def _seconds(directory: Path) -> float | dict[str, str]:
    made = manifest(directory)
    seconds = (made or {}).get("seconds")
    return float(seconds) if isinstance(seconds, (int, float)) else {"reason": NO_MANIFEST}


def _asked(answered: Mapping[str, Mapping[str, Answers]], name: str, confidence: float) -> dict[str, Any]:
    tasks = answered.get(name, {})
    return {"tasks": {task: held_against(answered.get(ORIGINAL, {}).get(task), answers, confidence, same=name == ORIGINAL)
                      for task, answers in tasks.items()}}


def _served(served: Mapping[str, Measured], name: str, confidence: float) -> dict[str, Any]:
    """P50 and P95 in ms, runs a second one after another, and peak RSS in MB; and of how much P50 is more than the original's, with
    bounds paired by rounds, where both were timed in turns."""
    measured = served.get(name, {})
    latency, memory = measured.get("latency"), measured.get("memory")
    if not isinstance(latency, Sample):
        return {"served": {"reason": getattr(latency, "reason", NOT_SERVED)}}
    before = served.get(ORIGINAL, {}).get("latency")
    paired = name != ORIGINAL and isinstance(before, Sample) and len(before.values) == len(latency.values)
    return {"served": {
        **({"change": _change(before, latency, confidence)} if paired else {}),
        "p50_ms": latency.details["p50"], "p95_ms": latency.details["p95"], "per_second": 1000 * len(latency.values) / sum(latency.values),
        "peak_rss_mb": max(memory.values) if isinstance(memory, Sample) else None,
        "invalid": {kind: one.invalid for kind, one in measured.items() if one.invalid}}}


def _change(before: Sample, now: Sample, confidence: float) -> dict[str, float]:
    bounds = interleaved_change(before.values, now.values, 0.5, confidence, relative=True)
    return {"value": now.details["p50"] / before.details["p50"] - 1, "lower": bounds.lower, "upper": bounds.upper}
