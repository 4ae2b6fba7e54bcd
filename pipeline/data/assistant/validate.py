"""Checks of the assistant's samples, within a file and between files; a finding is one line, as in `pipeline.data.validate`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.data.assistant.courses import held_out_in
from pipeline.data.assistant.sample import Sample, read_numbered
from pipeline.data.assistant.tasks import TASKS
from pipeline.data.assistant.truth import flaw
from pipeline.data.records import Record
from pipeline.data.validate import MAX_IMBALANCE, Report, _duplicates, _near_duplicates, _Row, _shared_grammars
from pipeline.errors import EdgeError

_Read = list[tuple[int, Sample]]


def validate_samples(paths: Mapping[str, Path]) -> Report:
    """Schema, mix of the tasks, duplicates, leaks, held-out courses and truths that nothing satisfies, of files by the name that says
    what each is for.  A sample of the user's own, without grammar and truth, is not judged by its truth.
    """
    findings: list[str] = []
    files = {name: _read(path, findings) for name, path in paths.items()}
    rows = [_Row(name, paths[name], line, Record(sample.query, sample.task_type, sample.grammar))
            for name, read in files.items() for line, sample in read]
    for check in (_duplicates, _near_duplicates, _shared_grammars):
        findings += check(rows)
    for name, read in files.items():
        findings += [*_held_out(name, paths[name], read), *_flaws(paths[name], read), *_imbalance(paths[name], read)]
    return Report(tuple(findings), {name: _numbers(read) for name, read in files.items()})


def _read(path: Path, findings: list[str]) -> _Read:
    try:
        return read_numbered(path, findings)
    except EdgeError as unreadable:
        findings.append(str(unreadable))
        return []


def _held_out(name: str, path: Path, read: _Read) -> Iterator[str]:
    if name in ("train", "validation"):
        for line, sample in read:
            if sample.grammar and (found := held_out_in(sample.query)):
                yield f"{path}:{line}: held-out course: {found[0]!r} in {sample.query!r}; keep it to test and challenge"


def _flaws(path: Path, read: _Read) -> Iterator[str]:
    for line, sample in read:
        if (sample.grammar or sample.expected) and (found := flaw(sample)):
            yield f"{path}:{line}: truth: {found}; correct the sample or the course"


def _imbalance(path: Path, read: _Read) -> Iterator[str]:
    counts = Counter(sample.task_type for _, sample in read)
    for task in TASKS:
        share = counts[task.name] / len(read) if read else task.share
        if not task.share / MAX_IMBALANCE <= share <= task.share * MAX_IMBALANCE:
            yield (f"{path}: expected {task.name} within {MAX_IMBALANCE} times of its share {task.share:.0%}, found {counts[task.name]} "
                   f"of {len(read)}; add or remove questions of it")


def _numbers(read: _Read) -> dict[str, int | float]:
    lengths = sorted(len(sample.query) for _, sample in read) or [0]
    counts = Counter(sample.task_type for _, sample in read)
    return {
        "records": len(read),
        **{task.name: counts[task.name] for task in TASKS},
        "grammars": len({sample.grammar for _, sample in read if sample.grammar}),
        "median_characters": lengths[len(lengths) // 2],
        "longest": lengths[-1],
    }
