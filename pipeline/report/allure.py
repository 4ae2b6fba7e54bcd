"""Allure results of a run: one test result a claim, written from the record alone."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import (
    Attachment,
    GlobalAttachment,
    Globals,
    Label,
    Link,
    Parameter,
    Status,
    StatusDetails,
    TestResult,
)

from pipeline.errors import EdgeError
from pipeline.report import format as fmt
from pipeline.report import metrics
from pipeline.report.markdown.text import plain
from pipeline.report.results import Claim, artifact_name, claims, commit_label, flat, host_facts, host_line, milliseconds

if TYPE_CHECKING:
    from pipeline.report.figures.style import Picture

EPIC = "On-device acceptance"
STATUS = {"pass": Status.PASSED, "fail": Status.FAILED, "inconclusive": Status.FAILED, "invalid": Status.BROKEN,
          "not_measured": Status.SKIPPED}
# One category a state that is not green; the message of a result starts with the state's word.
CATEGORIES = [
    {"name": name, "matchedStatuses": [STATUS[state]], "messageRegex": rf"^{fmt.STATES[state].word}: [\s\S]*"}
    for state, name in (("fail", "Below target"), ("inconclusive", "Inconclusive"), ("invalid", "Invalid conditions"),
                        ("not_measured", "Not measured on this host"))
]


def render(results: Mapping[str, Any], folder: Path, pictures: Sequence[Picture] = ()) -> Path:
    """Replace ``folder`` by the results of this run as a whole; what an earlier run left there goes."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        _fill(results, AllureFileLogger(str(fresh)), pictures)
        _texts(results, fresh)
        _swap(fresh, folder)
    except OSError as error:
        raise EdgeError(f"{folder}: expected to write the Allure results, found {error.strerror or error}; "
                        "free space or check the folder") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _swap(fresh: Path, folder: Path) -> None:
    if folder.exists():
        old = fresh.with_name(fresh.name + ".old")
        folder.rename(old)
        fresh.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        fresh.rename(folder)


def _fill(results: Mapping[str, Any], logger: AllureFileLogger, pictures: Sequence[Picture]) -> None:
    files = _Attachments(logger)
    start = milliseconds(results["run"].get("started"))
    for claim in claims(results):
        result = _result(results, claim, files, pictures)
        # The record holds durations, not starts: the claims stand one after the other.
        result.start, result.stop = start, start + round(claim.duration_s * 1000)
        start = result.stop
        logger.report_result(result)
    shown = [files.figure(picture) for picture in pictures]
    shown.append(files.text("results.json", json.dumps(results, ensure_ascii=False), "application/json", "json"))
    stamp = milliseconds(results["run"].get("finished"))
    logger.report_globals(Globals(attachments=[GlobalAttachment(item.name, item.source, item.type, stamp) for item in shown]))


def _result(results: Mapping[str, Any], claim: Claim, files: _Attachments, pictures: Sequence[Picture]) -> TestResult:
    profile = str(results["run"].get("profile", ""))
    return TestResult(
        uuid=str(uuid.uuid4()), name=claim.title, fullName=claim.id, testCaseId=_digest(claim.id),
        historyId=_digest(f"{profile}\n{claim.id}"), titlePath=[claim.phase], description=_description(claim),
        status=STATUS[claim.state], stage="finished",
        statusDetails=None if claim.state == "pass" else StatusDetails(message=message(claim)),
        labels=_labels(results, claim), links=_links(claim), parameters=_parameters(claim),
        attachments=_attachments(results, claim, files, pictures),
    )


def message(claim: Claim) -> str:
    """The verdict's message, with the state's word before it: categories go by that."""
    return f"{fmt.STATES[claim.state].word}: {claim.sentence}"


def _description(claim: Claim) -> str:
    lines = [claim.caption, f"Source: {claim.source}", f"Test: {claim.test}"]
    return "\n\n".join(plain(line) for line in lines)


def _labels(results: Mapping[str, Any], claim: Claim) -> list[Label]:
    severity = "minor" if claim.state == "not_measured" else "critical"
    pairs = {"epic": EPIC, "feature": claim.phase, "story": claim.metric, "severity": severity, "suite": claim.phase,
             "framework": "pytest", "language": "python", "host": host_line(results), "tag": fmt.STATES[claim.state].word,
             "profile": str(results["run"].get("profile", ""))}
    return [Label(name, value) for name, value in pairs.items()]


def _links(claim: Claim) -> list[Link]:
    return [Link("link", claim.source, claim.source)] if claim.source.startswith(("https://", "http://")) else []


def _parameters(claim: Claim) -> list[Parameter]:
    pairs = {"target": fmt.target(claim), "measured": fmt.measured(claim), "interval": fmt.interval(claim),
             "n": fmt.count(claim.n), "confidence": fmt.confidence(claim), "verdict": fmt.STATES[claim.state].word,
             "margin": fmt.margin(claim)}
    if claim.needed:
        pairs["n needed"] = fmt.count(claim.needed)
    if claim.p_value is not None:
        pairs["McNemar p"] = fmt.p_value(claim.p_value)
    # Excluded: a history goes over runs whose figures differ.
    return [Parameter(name, text, excluded=True) for name, text in pairs.items()]


def _attachments(results: Mapping[str, Any], claim: Claim, files: _Attachments, pictures: Sequence[Picture]) -> list[Attachment]:
    found = [files.figure(picture) for picture in pictures if claim.id in picture.claims and not picture.name.startswith("overview")]
    found.append(files.text("measurement.json", _pretty(claim.measurement), "application/json", "json"))
    if table := samples_csv(claim.measurement):
        found.append(files.text("samples.csv", table, "text/csv", "csv"))
    for role, key in (claim.measurement.get("artifacts") or {}).items():
        if manifest := (results.get("artifacts") or {}).get(key):
            name = f"manifest of {role} ({artifact_name(results, key)})"
            found.append(files.text(name, _pretty(manifest), "application/json", "json"))
    return found


def samples_csv(measurement: Mapping[str, Any]) -> str:
    """The raw samples, one row an item; "" where there are none."""
    columns = {name: measurement[name] for name in ("outcomes", "values", "reference", "candidate")
               if isinstance(measurement.get(name), list)}
    if not columns:
        return ""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["item", *columns])
    writer.writerows([place, *row] for place, row in enumerate(zip(*columns.values(), strict=False)))
    return buffer.getvalue()


class _Attachments:
    """Writes attachments under names that are unique; a figure that several claims show is written once."""

    def __init__(self, logger: AllureFileLogger) -> None:
        self._logger = logger
        self._figures: dict[str, Attachment] = {}

    def text(self, name: str, body: str, kind: str, extension: str) -> Attachment:
        source = f"{uuid.uuid4()}-attachment.{extension}"
        self._logger.report_attached_data(body, source)
        return Attachment(name, source, kind)

    def figure(self, picture: Picture) -> Attachment:
        if picture.name not in self._figures:
            source = f"{uuid.uuid4()}-attachment.png"
            self._logger.report_attached_file(str(picture.png), source)
            self._figures[picture.name] = Attachment(picture.caption, source, "image/png")
        return self._figures[picture.name]


def _texts(results: Mapping[str, Any], folder: Path) -> None:
    (folder / metrics.FILE).write_text(_pretty(metrics.samples(results)), encoding="utf-8")
    (folder / "environment.properties").write_text(_properties(environment(results)), encoding="utf-8")
    (folder / "categories.json").write_text(_pretty(CATEGORIES), encoding="utf-8")


def environment(results: Mapping[str, Any]) -> dict[str, str]:
    """Profile, host, versions and commit of the run as flat text."""
    run = results["run"]
    facts = {"profile": str(run.get("profile", "")), "run": str(run.get("id", "")), "commit": commit_label(results) or "unknown",
             "command": " ".join(map(str, run.get("command") or []))}
    return facts | {f"host.{name}": text for name, text in host_facts(results).items()} | flat(run.get("libraries") or {}, "library.")


def _properties(pairs: Mapping[str, str]) -> str:
    """Java properties; keys hold no separator, values no line break."""
    rows = ((re.sub(r"[\s:=]+", "_", name), " ".join(text.split()).replace("\\", "\\\\")) for name, text in pairs.items())
    return "".join(f"{name} = {text}\n" for name, text in rows)


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def _digest(text: str) -> str:
    return hashlib.md5(text.encode("utf-8"), usedforsecurity=False).hexdigest()
