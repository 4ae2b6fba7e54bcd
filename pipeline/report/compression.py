"""Compressed models side by side: compression.json, and what is rendered from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from pipeline.compress.chain import Compressed
from pipeline.measure.comparison import Measured
from pipeline.measure.host import describe_host
from pipeline.measure.measurement import Measurement, Paired, Proportion, Sample
from pipeline.profile import Profile
from pipeline.report import format as fmt
from pipeline.report.markdown.text import document, plain, table
from pipeline.report.recipe_steps import NONE, change, megabytes, print_table, seconds, settings, steps_of
from pipeline.runtime.files import write_object
from pipeline.store import Artifact
from pipeline.verdict import statistics as st
from pipeline.verdict.baseline import digest
from pipeline.verdict.bootstrap import sample_mean

VERSION, NAME, CONFIDENCE = 1, "compression", 0.95
COLUMNS = {"recipe": "配方 (recipe)", "MB": "大小 (size) / MB", "peak RSS MB": "常驻内存峰值 (peak RSS) / MB", "P50 ms": "P50 / ms",
           "P95 ms": "P95 / ms", "accuracy %": "准确率 (accuracy) / %", "loss points": "损失 (loss) / 百分点",
           "agreement %": "一致率 (agreement) / %", "KL nats": "KL 散度 (divergence) / nats"}


def record(profile: Profile, compared: Sequence[Compressed], measured: Sequence[Measured], merged: Artifact) -> dict[str, Any]:
    """What compression.json holds; every rendering reads this alone."""
    rows = [{"recipe": made.recipe.name, "says": made.recipe.says, "skipped": list(made.skipped), "steps": steps_of(made, merged),
             "model": made.model.key, "decision": made.decision.key, **_figures(found),
             "invalid": {name: one.invalid for name, one in found.items() if one.invalid},
             "measurements": {name: _plain(one) for name, one in found.items()}}
            for made, found in zip(compared, measured, strict=True)]
    return {"version": VERSION, "profile": profile.name, "tells": list(profile.tells), "confidence": CONFIDENCE,
            "host": describe_host(), "compared": rows}


def _figures(found: Measured) -> dict[str, Any]:
    """The table's figures; behaviour is None where it was not measured.  Shares and points as fractions."""
    memory, latency = found["memory"], found["latency"].details
    return {"size_mb": found["size"].value, "peak_rss_mb": max(memory.values) if isinstance(memory, Sample) else None,
            "p50_ms": latency["p50"], "p95_ms": latency["p95"],
            **{name: _estimate(found.get(name)) for name in ("accuracy", "loss", "agreement", "divergence")}}


def _estimate(measurement: Measurement | None) -> dict[str, float] | None:
    """value, its bounds, each one-sided, and n."""
    match measurement:
        case Proportion(outcomes=outcomes):
            value, n = sum(outcomes) / len(outcomes), len(outcomes)
            bounds = st.clopper_pearson(sum(outcomes), n, CONFIDENCE)
        case Paired(reference=reference, candidate=candidate):
            value, n = (sum(reference) - sum(candidate)) / len(reference), len(reference)
            bounds = st.paired_difference(reference, candidate, CONFIDENCE)
        case Sample(values=values):
            value, n = sum(values) / len(values), len(values)
            bounds = sample_mean(values, CONFIDENCE)
        case _:
            return None
    return {"value": value, "lower": bounds.lower, "upper": bounds.upper, "n": n}


def _plain(measurement: Measurement) -> dict[str, Any]:
    """As in a run's record, of the items their digest alone."""
    content = {"shape": measurement.shape, **asdict(measurement)}
    return {**content, "items": digest(content["items"])} if "items" in content else content


def write(content: Mapping[str, Any], directory: Path) -> list[Path]:
    """compression.json, compression.md and figures/compression.png and .pdf under ``directory``; what was written."""
    from pipeline.atomic import write_atomically
    from pipeline.report.figures import compression, style

    paths = [directory / f"{NAME}.{kind}" for kind in ("json", "md")]
    write_object(paths[0], dict(content))
    with style.look():
        pictures = [style.write(drawing, directory / "figures") for drawing in compression.draw(content)]
    write_atomically(paths[1], _markdown(content))
    return [*paths, *(path for picture in pictures for path in (picture.png, picture.pdf))]


def show(content: Mapping[str, Any], stream: TextIO) -> None:
    """One table, and what has to be known of it."""
    print_table(stream, list(COLUMNS), [_cells(row) for row in content["compared"]], range(1, len(COLUMNS)), _notes(content))


def _markdown(content: Mapping[str, Any]) -> str:
    rows = [[plain(cell) for cell in _cells(row)] for row in content["compared"]]
    recipes = [f"- **{plain(row['recipe'])}**: {plain(row['says'])}" for row in content["compared"]]
    return document([
        "# 压缩方法比较 (compression techniques compared)",
        f"配置 (profile) {plain(content['profile'])}，主机 (host) {plain(content['host']['host_class'])}",
        table(list(COLUMNS.values()), rows, numbers=range(1, len(COLUMNS))), "\n".join(f"- {plain(note)}" for note in _notes(content)),
        "## 配方 (recipes)", "\n".join(recipes),
        "## 步骤 (steps)", _steps_table(content),
        "## 图 (figures)", f"![size](figures/{NAME}.png)",
    ])


def _steps_table(content: Mapping[str, Any]) -> str:
    rows = [[plain(cell) for cell in (row["recipe"], step["step"], settings(step["settings"]),
                                      change(step["bytes"], megabytes), seconds(step), step["key"][:12])]
            for row in content["compared"] for step in row["steps"]]
    return table(["配方 (recipe)", "步骤 (step)", "设置 (settings)", "MB", "s", "键 (key)"], rows, numbers=(3, 4))


def _cells(row: Mapping[str, Any]) -> list[str]:
    marks = {name: " !" if name in row["invalid"] else "" for name in ("memory", "latency")}
    accuracy, loss, agreement, kl = (row[name] for name in ("accuracy", "loss", "agreement", "divergence"))
    return [row["recipe"], fmt.number(row["size_mb"], "MB"), fmt.number(row["peak_rss_mb"], "MB") + marks["memory"],
            fmt.number(row["p50_ms"], "ms") + marks["latency"], fmt.number(row["p95_ms"], "ms") + marks["latency"],
            _interval(accuracy, _percent), _interval(loss, _percent),
            NONE if agreement is None else _percent(agreement["value"]), _interval(kl, fmt.scientific)]


def _notes(content: Mapping[str, Any]) -> list[str]:
    """What a reader has to know of the figures above, a line each."""
    level = f"{content['confidence'] * 100:g} %"
    lines = [f"[lower, upper]: each bound one-sided at {level}; loss is paired with the original on the same queries"]
    if "behaviour" not in content["tells"]:
        lines = [f"{NONE}: profile {content['profile']} tells nothing about behaviour, so it is not measured"]
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in content["compared"]:
        for name, reason in row["invalid"].items():
            reasons.setdefault((name, reason), []).append(row["recipe"])
    lines += [f"! {name} of {', '.join(recipes)} is invalid: {reason}" for (name, reason), recipes in reasons.items()]
    lines += [f"{row['recipe']}: {', '.join(row['skipped'])} left out, for this profile tells nothing about behaviour"
              for row in content["compared"] if row["skipped"]]
    return lines


def _percent(share: float) -> str:
    return fmt.number(share, "proportion")


def _interval(estimate: Mapping[str, float] | None, say: Callable[[float], str]) -> str:
    return NONE if estimate is None else f"{say(estimate['value'])} [{say(estimate['lower'])}, {say(estimate['upper'])}]"
