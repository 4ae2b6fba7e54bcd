"""Everything that `edge gate` holds against a git reference: targets, baselines and a run's record."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pipeline.ratchet.against import HeldBaseline, held_baselines, thresholds_since
from pipeline.ratchet.git_versions import find_reference
from pipeline.ratchet.looser import WORST_FIRST, Finding, ratchet
from pipeline.ratchet.owed import mapping, owed_by
from pipeline.report.results import read_results
from pipeline.verdict.thresholds import Thresholds, read_thresholds


def examine(against: str, thresholds: Path, baselines: Path, record: Path | None) -> tuple[list[Finding], str]:
    """(findings, worst first; what was compared).  EdgeError where a file, the reference or the record cannot be read."""
    present = read_thresholds(thresholds)
    reference = find_reference(against, thresholds)
    versions = thresholds_since(reference, thresholds, present)
    held = held_baselines(reference, baselines, versions)
    found = ratchet(versions, reference.inside(thresholds)) + [finding for baseline in held for finding in baseline.findings]
    if record is not None:
        found += _record_findings(record, thresholds, present, held)
    there = f"{thresholds} with {len(present.claims)} claims" if versions[:-1] else f"{thresholds}, which did not stand there,"
    compared = f"{there}, baselines ({len(held)}) and {record or 'no record of a run'} against {reference}"
    return sorted(found, key=lambda finding: WORST_FIRST.index(finding.kind)), compared


def _record_findings(record: Path, thresholds: Path, present: Thresholds, held: Sequence[HeldBaseline]) -> list[Finding]:
    results = read_results(record)
    run = results["run"]
    if run.get("thresholds_sha256") != hashlib.sha256(thresholds.read_bytes()).hexdigest():
        words = f"the run was judged by another {thresholds.name} than the present one"
        return [Finding("stale", str(record), words, "run `make accept` again")]
    here = (run.get("profile"), mapping(run.get("host")).get("host_class"))
    owed = [baseline.owed for baseline in held if (baseline.profile, baseline.host_class) == here]
    before = {name: max(sizes[name] for sizes in owed if name in sizes) for name in present.claims if any(name in sizes for sizes in owed)}
    return owed_by(results, str(record), present.claims, before)
