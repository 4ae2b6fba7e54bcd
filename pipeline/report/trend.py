"""The figures of every run, kept beside the reports, and what regressed from one to the next."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.atomic import write_atomically
from pipeline.errors import EdgeError
from pipeline.report.results import claims
from pipeline.verdict.baseline import Baseline, baseline_of, parse_baseline
from pipeline.verdict.regression import since
from pipeline.verdict.thresholds import Thresholds

FOLDER, KEPT = "history/runs", 50  # runs of a profile and class of host; no others can be compared


@dataclass(frozen=True)
class Point:
    """A claim's figure in one run, in its unit; the bounds are one-sided at the claim's confidence.

    change: against the committed baseline where the run had one, else against the run before; "" where neither is known.
    artifacts: store keys of what was measured, what it was compared with left out.
    """

    value: float
    lower: float | None
    upper: float | None
    state: str
    change: str
    artifacts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """What is kept of a run: its points by claim, and the figures that the next run is compared with."""

    id: str
    finished: str
    commit: str
    points: dict[str, Point]
    baseline: Baseline | None


def keep(results: Mapping[str, Any], reports: Path, thresholds: Thresholds | None) -> list[Run]:
    """Adds the run to the history, once however often it is rendered, and gives the history with it, oldest first."""
    folder = folder_of(results, reports)
    run = results["run"]
    before = [one for one in read(folder) if one.id != run["id"] and one.finished <= str(run["finished"])]
    present = _run(results, before[-1].baseline if before else None, thresholds)
    write_atomically(folder / f"{_slug(present.id)}.json", json.dumps(_plain(present), ensure_ascii=False) + "\n")
    runs = read(folder)
    for old in runs[:-KEPT]:
        (folder / f"{_slug(old.id)}.json").unlink(missing_ok=True)
    return runs[-KEPT:]


def folder_of(results: Mapping[str, Any], reports: Path) -> Path:
    """Where the runs of this one's profile and class of host are."""
    run = results["run"]
    host = run.get("host") or {}
    return reports / FOLDER / _slug(f"{run.get('profile')}.{host.get('host_class') or host.get('cpu')}")


def read(folder: Path) -> list[Run]:
    """The runs of a folder, oldest first; a file that holds none is passed over, since a history is no evidence."""
    found = [run for file in folder.glob("*.json") if (run := _read(file))]
    return sorted(found, key=lambda run: (run.finished, run.id))


def _read(file: Path) -> Run | None:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        points = {str(name): _point(point) for name, point in told["points"].items()}
        baseline = parse_baseline(told["baseline"], str(file)) if told["baseline"] else None
        return Run(*(str(told[name]) for name in ("id", "finished", "commit")), points, baseline)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, EdgeError):
        return None


def _point(told: Mapping[str, Any]) -> Point:
    return Point(**{**told, "artifacts": tuple(map(str, told.get("artifacts", ())))})


def _run(results: Mapping[str, Any], before: Baseline | None, thresholds: Thresholds | None) -> Run:
    moved = _moved(results, before, thresholds)
    points = {claim.id: Point(claim.value, claim.lower, claim.upper, claim.state,
                              claim.regression.state if claim.regression else moved.get(claim.id, ""), claim.artifacts)
              for claim in claims(results) if claim.value is not None}
    try:
        kept = baseline_of(results)
    except EdgeError:  # nothing valid was measured
        kept = None
    run = results["run"]
    return Run(str(run["id"]), str(run["finished"]), str((run.get("git") or {}).get("commit") or "")[:12], points, kept)


def _moved(results: Mapping[str, Any], before: Baseline | None, thresholds: Thresholds | None) -> dict[str, str]:
    if before is None or thresholds is None:
        return {}
    try:
        return {name: change.state for name, change in since(before, results, thresholds).items()}
    except (EdgeError, KeyError, TypeError, ValueError):  # a record without what a comparison needs
        return {}


def _plain(run: Run) -> dict[str, Any]:
    return {"id": run.id, "finished": run.finished, "commit": run.commit,
            "points": {name: asdict(point) for name, point in run.points.items()},
            "baseline": run.baseline.model_dump(mode="json", exclude_defaults=True) if run.baseline else None}


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-.")[:100] or "unnamed"
