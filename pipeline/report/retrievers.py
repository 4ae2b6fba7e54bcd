"""Compressed embeddings, or rerankers, side by side: a table, and embedding.json or reranker.json with all samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np

from pipeline.compress.chain import Compressed
from pipeline.measure.host import describe_host
from pipeline.measure.measurement import Sample
from pipeline.measure.ranking import Ranked, cosine, moved, ndcg_loss
from pipeline.measure.retrievers import Compared
from pipeline.profile import Profile
from pipeline.report import format as fmt
from pipeline.report.recipe_steps import NONE, print_table
from pipeline.runtime.files import write_object
from pipeline.verdict.bootstrap import sample_mean

CONFIDENCE = 0.95
SHARES = ("ndcg", "recall", "first")
UNAIDED = "search by words"


class Kind(NamedTuple):
    """file: without .json.  nearness: how near what a model says is to what the original does; its column is ``near``.
    timed: what P50 is of."""

    file: str
    near: str
    nearness: Callable[[Ranked, Ranked], Sample]
    timed: str


KINDS = {"embedding": Kind("embedding", "cosine", cosine, "question"), "rerank": Kind("reranker", "score moved", moved, "pair")}


def record(task: str, profile: Profile, compared: Sequence[Compressed], measured: Compared) -> dict[str, Any]:
    """What the file holds.  Nothing of what is found where the profile tells nothing about behaviour."""
    rows = [{"recipe": made.recipe.name, "says": made.recipe.says, "skipped": list(made.skipped), "model": made.model.key,
             "rule": made.decision.key, "size_mb": made.model.size / 1e6, "p50_ms": float(np.median(times)), "ms": list(times),
             **(_behaviour(KINDS[task], ranked, measured.reference) if ranked and measured.reference else {})}
            for made, ranked, times in zip(compared, measured.found, measured.milliseconds, strict=True)]
    unaided = {"unaided": _shares(measured.unaided)} if measured.unaided else {}
    return {"version": 2, "task": task, "profile": profile.name, "confidence": CONFIDENCE, "host": describe_host(), "compared": rows,
            **unaided}


def _shares(ranked: Ranked) -> dict[str, float]:
    return {name: float(np.mean(getattr(ranked, name))) for name in SHARES}


def _behaviour(kind: Kind, ranked: Ranked, reference: Ranked) -> dict[str, Any]:
    own = _shares(ranked)
    if ranked.said is reference.said:
        return own
    lost, near = ndcg_loss(reference, ranked), kind.nearness(reference, ranked)
    bounds = sample_mean(lost.values, CONFIDENCE)
    return {**own, "near": float(np.mean(near.values)), "loss": {"value": float(np.mean(lost.values)), **bounds._asdict()},
            "measurements": {lost.metric: asdict(lost), near.metric: asdict(near)}}


def write(content: Mapping[str, Any], directory: Path) -> Path:
    file = directory / f"{KINDS[content['task']].file}.json"
    write_object(file, dict(content))
    return file


def show(content: Mapping[str, Any], stream: TextIO) -> None:
    """One table, and what has to be known of it."""
    kind, unaided = KINDS[content["task"]], content.get("unaided")
    notes = [f"[lower, upper]: bootstrap, each bound one-sided at {content['confidence'] * 100:g} %; paired with the original on the same "
             "questions", f"P50 ms: of one {kind.timed}, on this machine as it is; for a verdict on time measure alone"]
    notes += [f"{row['recipe']}: {', '.join(row['skipped'])} left out, for this profile tells nothing about behaviour"
              for row in content["compared"] if row["skipped"]]
    columns = ["recipe", "MB", "P50 ms", kind.near, "nDCG@10 %", "loss points", "recall@10 %", "right first %"]
    rows = [_cells(row) for row in content["compared"]]
    if unaided:
        notes.append(f"{UNAIDED}: the candidates in the order that they came in, which a reranker has to better")
        first, *others = _percent(unaided)
        rows.append([UNAIDED, NONE, NONE, NONE, first, NONE, *others])
    print_table(stream, columns, rows, range(1, len(columns)), notes)


def _cells(row: Mapping[str, Any]) -> list[str]:
    loss = row.get("loss")
    said = NONE if loss is None else "{} [{}, {}]".format(*(fmt.number(loss[name], "points") for name in ("value", "lower", "upper")))
    first, *others = _percent(row)
    near = f"{row['near']:.4f}" if "near" in row else NONE
    return [row["recipe"], fmt.number(row["size_mb"], "MB"), fmt.number(row["p50_ms"], "ms"), near, first, said, *others]


def _percent(row: Mapping[str, Any]) -> list[str]:
    return [NONE if name not in row else fmt.number(row[name], "proportion") for name in SHARES]
