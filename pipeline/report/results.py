"""The one record of a run: read, written and looked at.  Every rendering takes its numbers from here."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.atomic import write_atomically
from pipeline.errors import EdgeError
from pipeline.verdict.regression import Regression

VERSION = 1
STATES = ("pass", "fail", "inconclusive", "invalid", "not_measured")
CHANGES = ("regressed", "stopped", "unsettled", "improved", "unchanged", "not_compared")
SHAPES = ("proportion", "paired", "sample", "paired_sample", "exact", "not_measured")
RERUN = "run `make accept` again"
COMPARED_WITH = "reference"  # the role of the artifact that another is held against


@dataclass(frozen=True)
class Claim:
    """One documented target with its verdict; value, bounds and margin in ``unit`` (shares and points as fractions)."""

    id: str
    title: str
    caption: str
    phase: str
    source: str
    metric: str
    unit: str
    statistic: str
    percentile: float | None
    comparison: str
    target: float
    confidence: float
    state: str
    value: float | None
    lower: float | None
    upper: float | None
    n: int
    margin: float | None
    needed: int | None
    p_value: float | None
    message: str
    indicative: bool
    measurement: Mapping[str, Any]
    test: str
    duration_s: float
    regression: Regression | None = None  # None: no baseline, or one that does not know the claim

    @property
    def change(self) -> Regression | None:
        """The regression where there is something to say: not where the claim is as it was."""
        return self.regression if self.regression and self.regression.state != "unchanged" else None

    @property
    def artifacts(self) -> tuple[str, ...]:
        """Store keys of what the claim is about."""
        return tuple(key for role, key in (self.measurement.get("artifacts") or {}).items() if role != COMPARED_WITH)

    @property
    def sentence(self) -> str:
        """The state's reason in one line, also where the verdict has none of its own."""
        return " ".join(self.message.split()) or ("the target is shown" if self.state == "pass" else "no reason recorded")


@dataclass(frozen=True)
class Seen:
    """A measurement wherever it stands in the record: under a claim or as an observation."""

    id: str
    title: str
    caption: str
    phase: str
    measurement: Mapping[str, Any]

    @property
    def details(self) -> Mapping[str, Any]:
        return self.measurement.get("details") or {}

    @property
    def artifacts(self) -> Mapping[str, str]:
        return self.measurement.get("artifacts") or {}

    @property
    def model(self) -> str:
        """The store key of the model that was measured: the first role of a meter's artifacts; "" without one."""
        return next(iter(self.artifacts.values()), "")


def write_results(path: Path, results: Mapping[str, Any]) -> None:
    """The record as JSON, whole or not at all; a number that is not finite becomes null."""
    _check(results, str(path))
    text = json.dumps(_plain(results), ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
    write_atomically(path, text, durable=True)


def read_results(path: Path) -> dict[str, Any]:
    """The record of a run; one EdgeError line when it is missing, empty, truncated, malformed or of another version."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise EdgeError(f"{path}: expected the record of a run, found none; {RERUN}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise EdgeError(f"{path}: expected a readable record of a run, found {error}; {RERUN}") from None
    if not text.strip():
        raise EdgeError(f"{path}: expected the record of a run, found an empty file; {RERUN}")
    try:
        results = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EdgeError(f"{path}: expected the record of a run in JSON, found a broken file ({error}); {RERUN}") from None
    _check(results, str(path))
    return results


def claims(results: Mapping[str, Any]) -> list[Claim]:
    """Every claim, in the order of the record."""
    return [_claim(entry) for entry in results["claims"]]


def by_phase(items: list[Claim]) -> dict[str, list[Claim]]:
    """Claims grouped by phase; phases in the order of their first claim."""
    phases: dict[str, list[Claim]] = {}
    for claim in items:
        phases.setdefault(claim.phase, []).append(claim)
    return phases


def counts(items: list[Claim]) -> dict[str, int]:
    """How many claims are in each of the five states."""
    return {state: sum(claim.state == state for claim in items) for state in STATES}


def seen(results: Mapping[str, Any]) -> Iterator[Seen]:
    """Every measurement of the run, claims first."""
    for entry in [*results["claims"], *(results.get("observations") or [])]:
        words = (str(entry.get(name) or "") for name in ("id", "title", "caption", "phase"))
        yield Seen(*words, measurement=entry["measurement"])


def artifact_name(results: Mapping[str, Any], key: str) -> str:
    """The role of an artifact, such as "onnx-int8"; the start of its key where the record does not know it."""
    manifest = (results.get("artifacts") or {}).get(key) or {}
    return str(manifest.get("role") or manifest.get("kind") or key[:12])


def intent_caption(results: Mapping[str, Any], name: str) -> str:
    """An intent's Chinese name; its id where the record knows none, as for an intent of the user's own."""
    return str((results.get("intents") or {}).get(name) or name)


def artifact_bytes(manifest: Mapping[str, Any]) -> int:
    """Size of all its files in bytes."""
    return sum(int(entry.get("bytes", 0)) for entry in (manifest.get("files") or {}).values())


def host_line(results: Mapping[str, Any]) -> str:
    """The machine in a few words: processor, system, Python."""
    host = results["run"].get("host") or {}
    system = " ".join(str(host[name]) for name in ("system", "release", "machine") if host.get(name))
    python = f"Python {host['python']}" if host.get("python") else ""
    return ", ".join(filter(None, (str(host.get("cpu") or ""), system, python))) or "unknown host"


def commit_label(results: Mapping[str, Any], dirty: str = " (dirty)") -> str:
    """The start of the run's commit, marked where files differed from it; "" where the record knows none."""
    git = results["run"].get("git") or {}
    return f"{git['commit'][:12]}{dirty if git.get('dirty') else ''}" if git.get("commit") else ""


def host_facts(results: Mapping[str, Any]) -> dict[str, str]:
    """What the record says of the machine, without the libraries: those stand on their own."""
    host = results["run"].get("host") or {}
    return flat({name: fact for name, fact in host.items() if name != "libraries"})


def milliseconds(stamp: Any) -> int:
    """Unix time in ms of an ISO date; 0 where there is none."""
    try:
        return round(datetime.fromisoformat(str(stamp)).timestamp() * 1000)
    except ValueError:
        return 0


def flat(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A nested mapping as {"a.b": text}, for tables of conditions."""
    rows: dict[str, str] = {}
    for name, value in mapping.items():
        if isinstance(value, Mapping):
            rows |= flat(value, f"{prefix}{name}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
            rows[f"{prefix}{name}"] = text or "-"
    return rows


def _check(results: Any, where: str) -> None:
    if not isinstance(results, Mapping):
        raise EdgeError(f"{where}: expected the record of a run, found {type(results).__name__}; {RERUN}")
    if results.get("version") != VERSION:
        found = results.get("version", "none")
        raise EdgeError(f"{where}: expected a record of version {VERSION}, found version {found}; {RERUN}")
    run, entries = results.get("run"), results.get("claims")
    if not isinstance(run, Mapping) or not isinstance(entries, list):
        raise EdgeError(f"{where}: expected `run` and a list of `claims`, found one of them missing; {RERUN}")
    if not isinstance(run.get("baseline") or {}, Mapping):
        raise EdgeError(f"{where}: expected `baseline` to say what the run was compared with, found {run['baseline']!r}; {RERUN}")
    for place, entry in enumerate(entries):
        _check_entry(entry, f"{where}: claim {place + 1}", _claim)
    for place, entry in enumerate(results.get("observations") or []):
        _check_entry(entry, f"{where}: observation {place + 1}", lambda item: item["measurement"]["shape"])


def _check_entry(entry: Any, where: str, reader: Any) -> None:
    try:
        reader(entry)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise EdgeError(f"{where}: expected a complete entry, found a fault at {error}; {RERUN}") from None


def _claim(entry: Mapping[str, Any]) -> Claim:
    verdict, measurement = entry["verdict"], entry["measurement"]
    if verdict["state"] not in STATES:
        raise ValueError(f"state {verdict['state']!r}")
    if measurement["shape"] not in SHAPES:
        raise ValueError(f"shape {measurement['shape']!r}")
    return Claim(
        id=entry["id"], title=entry["title"], caption=entry.get("caption") or entry["title"], phase=entry["phase"],
        source=entry.get("source") or "", metric=entry["metric"], unit=entry["unit"], statistic=entry["statistic"],
        percentile=entry.get("percentile"), comparison=entry["comparison"], target=float(entry["target"]),
        confidence=float(entry["confidence"]),
        state=verdict["state"], value=verdict.get("value"), lower=verdict.get("lower"), upper=verdict.get("upper"),
        n=int(verdict.get("n") or 0), margin=verdict.get("margin"), needed=verdict.get("needed"),
        p_value=verdict.get("p_value"), message=verdict.get("message") or "", measurement=measurement,
        indicative=bool(verdict.get("indicative")), test=entry.get("test") or "",
        duration_s=float(entry.get("duration_s") or 0), regression=_regression(entry.get("regression")),
    )


def _regression(entry: Mapping[str, Any] | None) -> Regression | None:
    if entry is None:
        return None
    if entry["state"] not in CHANGES:
        raise ValueError(f"regression {entry['state']!r}")
    flipped = entry.get("flipped") or {}
    return Regression(
        state=entry["state"], message=entry.get("message") or "", worse=entry.get("worse"), lower=entry.get("lower"),
        upper=entry.get("upper"), tolerance=float(entry.get("tolerance") or 0), relative=bool(entry.get("relative")),
        baseline_value=entry.get("baseline_value"), baseline_n=int(entry.get("baseline_n") or 0), method=entry.get("method") or "",
        flipped={side: [str(query) for query in flipped.get(side) or ()] for side in ("lost", "gained")},
    )


def _plain(value: Any) -> Any:
    """JSON's own types; numpy numbers and arrays through their own conversions."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    raise EdgeError(f"the record of a run: expected text, numbers, lists and mappings, found {type(value).__name__}")
