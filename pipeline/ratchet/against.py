"""thresholds.yaml and the baselines held against a git reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.ratchet.git_versions import Reference
from pipeline.ratchet.looser import Finding, Sizes, is_newer, unexcused, weakened, worsened
from pipeline.verdict.baseline import parse_baseline
from pipeline.verdict.thresholds import Thresholds, parse_thresholds
from pipeline.yaml_file import read_yaml


@dataclass(frozen=True)
class HeldBaseline:
    """A baseline file at the reference, and what of it has to be measured still: claim -> n, less what a newer reason excuses."""

    profile: str
    host_class: str
    owed: Mapping[str, int]
    findings: list[Finding]


def thresholds_since(reference: Reference, path: Path, present: Thresholds) -> list[Thresholds]:
    """Every version from the reference to the working tree, oldest first; the present one alone when there was none then."""
    def parse(content: dict[str, Any], where: str) -> Thresholds:
        gate = content.get("gate")
        if isinstance(gate, dict):  # a file from before this key had no such confidence that could be loosened
            content = {**content, "gate": {"regression_confidence": present.gate.regression_confidence, **gate}}
        return parse_thresholds(content, where)
    return [*reference.versions(path, parse), present]


def held_baselines(reference: Reference, directory: Path, versions: Sequence[Thresholds]) -> list[HeldBaseline]:
    """Every baseline file of the reference, held against the same file now; versions: those of thresholds.yaml."""
    return [_held(reference, path, versions) for path in reference.files(directory, ".yaml")]


def _sizes(content: dict[str, Any], where: str) -> Sizes:
    """A baseline file as far as the ratchet asks."""
    baseline = parse_baseline(content, where)
    # A sample of times is as large as it took to settle: its size is no test set's.
    sizes = {name: 1 if kept.values else kept.n for name, kept in baseline.claims.items()}
    return Sizes(baseline.profile, baseline.host_class, sizes, baseline.reason, baseline.claims)


def _held(reference: Reference, path: Path, versions: Sequence[Thresholds]) -> HeldBaseline:
    first, present, file = versions[0], versions[-1], reference.inside(path)

    def parse(content: dict[str, Any], where: str) -> Sizes:
        sizes = _sizes(content, where)  # of a claim that is gone thresholds.yaml has to say why, and once is enough
        return replace(sizes, n={name: n for name, n in sizes.n.items() if name in present.claims})

    history = reference.versions(path, parse)
    before = history[0]
    if path.exists():
        now = parse(read_yaml(path), file)
        findings = _weakened([*history, now], file, present)
        excused = {name: min(n, now.n[name]) for name, n in before.n.items() if name in now.n}
    else:
        findings = _gone(file, first.dropped, present.dropped)
        excused = {}
    return HeldBaseline(before.profile, before.host_class, before.n if findings else excused, findings)


def _weakened(history: Sequence[Sizes], file: str, present: Thresholds) -> list[Finding]:
    mend = "take it back, or write why, and when, as the file's `reason:`"
    less = [Finding("shrunk" if name in history[-1].n else "dropped", f"{file}: {name}".removesuffix(": "), words, mend)
            for name, words in unexcused(history, weakened).items()]
    worse = unexcused(history, lambda before, after: worsened(before, after, present))
    return less + [Finding("loosened", f"{file}: {name}", words, mend) for name, words in worse.items()]


def _gone(file: str, dropped_before: Mapping[str, str], dropped_now: Mapping[str, str]) -> list[Finding]:
    if is_newer(dropped_now.get(file, ""), dropped_before.get(file, "")):
        return []
    mend = f"put it back, or write why in thresholds.yaml as `dropped: {{{file}: ...}}`"
    return [Finding("dropped", file, "the baseline is gone", mend)]
