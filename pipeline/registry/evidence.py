"""Whether a run's record lets a model go before users: whole, green, of the present targets, and about these very files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError
from pipeline.ratchet.owed import mapping, owed_by
from pipeline.registry.version import MODEL
from pipeline.regular_file import check_regular_file
from pipeline.report.results import COMPARED_WITH, read_results
from pipeline.verdict.gate import gate
from pipeline.verdict.thresholds import Thresholds, read_thresholds

Files = Mapping[str, Mapping[str, Any]]
QUALITY = ("proportion", "non_inferiority")  # accuracy, agreement, loss; that a model is small tells nothing of its answers
GOOD = ("pass", "not_measured")


@dataclass(frozen=True)
class Evidence:
    """What a record says of one model: its profile, and the value and the state of every claim about it."""

    run: str
    profile: str
    metrics: dict[str, float]
    verdicts: dict[str, str]


def about(record: Path, key: str) -> Evidence:
    """What the record says of the artifact of that key; EdgeError where it has not measured it."""
    return _about(_read(record), key, str(record))


def check(record: Path, where: str, thresholds: Path, parts: Mapping[str, tuple[str, Files]]) -> Evidence:
    """The same of a record that lets the model through; EdgeError with the first reason where it does not.

    where: how an error names the record.  parts: for the model, and the decision where it has one, the store key and the registered
    files ({name: {sha256, bytes}}).
    """
    results, key = _read(record), parts[MODEL][0]
    if not key:
        raise EdgeError("expected a model of the store, which a run can have measured, found one that was registered from a directory; "
                        "build it with edge compress and register its key")
    _check_run(results, thresholds, where)
    found = _about(results, key, where)
    for part, (part_key, files) in parts.items():
        _check_files(results, part, part_key, files, where)
    _check_claims(results, key, found, where)
    return found


def _read(record: Path) -> dict[str, Any]:
    check_regular_file(record, "the record of a run")
    return read_results(record)


def _check_run(results: Mapping[str, Any], path: Path, where: str) -> None:
    present = read_thresholds(path)
    run = results["run"]
    if run.get("thresholds_sha256") != hashlib.sha256(path.read_bytes()).hexdigest():
        raise EdgeError(f"{where}: expected a run judged by the present {path}, found one judged by another; run `make accept` again")
    for finding in owed_by(results, where, present.claims, {}):
        raise EdgeError(f"not promoted: {finding.where}: {finding.words}; {finding.mend}")
    state = _judged_again(results, present)
    if state != "green" or run.get("exit_code") != 0:
        raise EdgeError(f"not promoted: {where} says green, but by its claims it is {state} and it ended with {run.get('exit_code')}; "
                        "run `make accept` again")


def _judged_again(results: Mapping[str, Any], present: Thresholds) -> str:
    failed = mapping(mapping(results["run"].get("gate")).get("failed_tests"))
    return gate(results["claims"], present.gate, failed)["state"]


def _about(results: Mapping[str, Any], key: str, where: str) -> Evidence:
    claims = {claim["id"]: claim["verdict"] for claim in _claims_about(results, key)}
    if not claims:
        raise EdgeError(f"{where}: expected a run that measured the artifact {key[:12]}, found none of its claims about it; "
                        "run `make accept` on the store that holds it")
    metrics = {name: float(verdict["value"]) for name, verdict in claims.items() if verdict.get("value") is not None}
    return Evidence(str(results["run"].get("id", "")), str(results["run"].get("profile", "")), metrics,
                    {name: verdict["state"] for name, verdict in claims.items()})


def _claims_about(results: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    for claim in results["claims"]:
        roles = mapping(claim["measurement"].get("artifacts"))
        if any(found == key and role != COMPARED_WITH for role, found in roles.items()):
            yield claim


def _check_files(results: Mapping[str, Any], part: str, key: str, files: Files, where: str) -> None:
    measured = mapping(mapping(mapping(results.get("artifacts")).get(key)).get("files"))
    if not measured:
        raise EdgeError(f"not promoted: {where} knows no {part} {key[:12] or 'such as was registered'}; register the one that the run used")
    if dict(measured) != dict(files):
        other = next(name for name in sorted({*measured, *files}) if measured.get(name) != files.get(name))
        raise EdgeError(f"not promoted: the {part}'s {other} is not the file that the run measured; "
                        f"register what the store holds under {key[:12]}")


def _check_claims(results: Mapping[str, Any], key: str, found: Evidence, where: str) -> None:
    for name, state in found.verdicts.items():
        if state not in GOOD:
            raise EdgeError(f"not promoted: {name} is {state}; mend it and run `make accept` again")
    shown = [claim for claim in _claims_about(results, key) if claim["verdict"]["state"] == "pass"]
    if not any(claim["statistic"] in QUALITY and claim["about"] == "behaviour" for claim in shown):
        raise EdgeError(f"not promoted: {where} shows no accuracy, agreement or loss of {key[:12]} (it has {', '.join(found.verdicts)}); "
                        "add a claim about its answers to thresholds.yaml and run `make accept`")
