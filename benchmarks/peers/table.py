"""The Markdown of one comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.peers import Engine
from benchmarks.peers.turns import Answers, agreement
from pipeline.percentile import percentile
from pipeline.plan.roofline import Work

# Cosine of label logits below which an engine answers something else.  28 layers of random weights in 4 bits come to 0.6.
LEAST_COSINE, LEAST_OF_FEW_BITS = 0.95, 0.5
HEAD = ("engine", "short P50", "P95", "long P50", "P95", "tokens/s", "of the roofline", "peak RSS MB", "load s", "files MB",
        "same label", "cosine")


@dataclass(frozen=True)
class Row:
    """One engine's run; ``peak``, ``files``: MB.  ``load``: s."""

    engine: Engine
    answers: Answers
    load: float
    peak: float
    files: float
    floor: float
    """Milliseconds of the roofline at the long prompts."""


def table(rows: Sequence[Row], reference: Answers, prompts: Mapping[str, Sequence[Sequence[int]]]) -> Iterator[str]:
    """A line a row, then one for each engine that is left out since its answers are not the reference's."""
    wrong = []
    yield f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}"
    for row in rows:
        same, cosine = agreement(row.answers, reference)
        if cosine < (LEAST_COSINE if row.engine.form.bits >= 8 else LEAST_OF_FEW_BITS):
            wrong.append(f"- {row.engine.name}: no figures, for its label logits are not the model's (cosine {cosine:.3f})")
            continue
        cells = [row.engine.name, *_speed(row, prompts), f"{row.peak:.0f}", f"{row.load:.2f}", f"{row.files:.0f}", f"{same:.0%}",
                 f"{cosine:.4f}"]
        yield f"| {' | '.join(cells)} |"
    yield from ["", *wrong] if wrong else []


def _speed(row: Row, prompts: Mapping[str, Sequence[Sequence[int]]]) -> Iterator[str]:
    count = len(prompts["short"])
    short = [value for turn in row.answers.milliseconds for value in turn[:count]]
    long = [value for turn in row.answers.milliseconds for value in turn[count:]]
    for values in (short, long):
        yield f"{percentile(values, 0.5):.1f}"
        yield f"{percentile(values, 0.95):.1f}"
    tokens = sum(len(ids) for ids in prompts["long"]) / len(prompts["long"])
    yield f"{1e3 * tokens * len(long) / sum(long):.0f}"
    yield f"{row.floor / percentile(long, 0.5):.0%}"


def roof(products: Mapping[str, float], work: Work, tokens: int) -> str:
    """What was measured of the machine, and what one decision needs of it."""
    rates = ", ".join(f"{kind} {rate / 1e9:.0f}" for kind, rate in products.items())
    return (f"Roofline: 10^9 operations/s of matrix products {rates}; at {tokens} tokens a decision needs {work.operations / 1e9:.1f} "
            f"10^9 operations and {work.weights / 1e6:.0f} M weights.")
