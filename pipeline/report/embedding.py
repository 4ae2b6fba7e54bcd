"""Compressed embeddings side by side: a table, and embedding.json with all samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from pipeline.compress.chain import Compressed
from pipeline.measure.host import describe_host
from pipeline.measure.ranking import Ranked, cosine, ndcg_loss
from pipeline.profile import Profile
from pipeline.report import format as fmt
from pipeline.report.recipe_steps import NONE, print_table
from pipeline.runtime.files import write_object
from pipeline.verdict.bootstrap import sample_mean

CONFIDENCE = 0.95
COLUMNS = ("recipe", "MB", "P50 ms", "cosine", "nDCG@10 %", "loss points", "recall@10 %", "right first %")


def record(profile: Profile, compared: Sequence[Compressed], found: Sequence[Ranked | None], reference: Ranked | None,
           milliseconds: Sequence[Sequence[float]]) -> dict[str, Any]:
    """What embedding.json holds.  reference: the uncompressed one, None where the profile tells nothing about behaviour.
    milliseconds: of each recipe, to embed one question, the recipes in turns."""
    rows = [{"recipe": made.recipe.name, "says": made.recipe.says, "skipped": list(made.skipped), "model": made.model.key,
             "rule": made.decision.key, "size_mb": made.model.size / 1e6, "p50_ms": float(np.median(times)), "ms": list(times),
             **(_behaviour(ranked, reference) if ranked and reference else {})}
            for made, ranked, times in zip(compared, found, milliseconds, strict=True)]
    return {"version": 1, "profile": profile.name, "confidence": CONFIDENCE, "host": describe_host(), "compared": rows}


def _behaviour(ranked: Ranked, reference: Ranked) -> dict[str, Any]:
    own = {name: float(np.mean(getattr(ranked, name))) for name in ("ndcg", "recall", "first")}
    if ranked.vectors is reference.vectors:
        return own
    lost, near = ndcg_loss(reference, ranked), cosine(reference, ranked)
    bounds = sample_mean(lost.values, CONFIDENCE)
    return {**own, "cosine": float(np.mean(near.values)), "loss": {"value": float(np.mean(lost.values)), **bounds._asdict()},
            "measurements": {"ndcg_loss": asdict(lost), "cosine": asdict(near)}}


def write(content: Mapping[str, Any], directory: Path) -> Path:
    write_object(directory / "embedding.json", dict(content))
    return directory / "embedding.json"


def show(content: Mapping[str, Any], stream: TextIO) -> None:
    """One table, and what has to be known of it."""
    notes = [f"[lower, upper]: bootstrap, each bound one-sided at {content['confidence'] * 100:g} %; paired with the original on the same "
             "questions", "P50 ms: of one question, on this machine as it is; for a verdict on time measure alone"]
    notes += [f"{row['recipe']}: {', '.join(row['skipped'])} left out, for this profile tells nothing about behaviour"
              for row in content["compared"] if row["skipped"]]
    print_table(stream, list(COLUMNS), [_cells(row) for row in content["compared"]], range(1, len(COLUMNS)), notes)


def _cells(row: Mapping[str, Any]) -> list[str]:
    loss = row.get("loss")
    said = NONE if loss is None else "{} [{}, {}]".format(*(fmt.number(loss[name], "points") for name in ("value", "lower", "upper")))
    shares = [NONE if name not in row else fmt.number(row[name], "proportion") for name in ("ndcg", "recall", "first")]
    near = f"{row['cosine']:.4f}" if "cosine" in row else NONE
    return [row["recipe"], fmt.number(row["size_mb"], "MB"), fmt.number(row["p50_ms"], "ms"), near, shares[0], said, *shares[1:]]
