"""``edge baseline``: keep what a run measured, look at it, compare two."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipeline.cli.common import BASELINES, RESULTS, Subparsers


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("baseline", help="what later runs are compared with: save, show, diff")
    verbs = parser.add_subparsers(dest="verb", required=True)
    save = verbs.add_parser("save", help="keep the figures of a run in a file to commit")
    save.add_argument("results", type=Path, nargs="?", default=RESULTS, help="the record of the run [%(default)s]")
    save.add_argument("--to", type=Path, help="the file [baselines/PROFILE.HOST-CLASS.yaml]")
    save.add_argument("--reason", default="", help="why a figure or a test set is worse than in the file there is")
    save.set_defaults(run=_save)
    show = verbs.add_parser("show", help="the figures of a baseline")
    show.add_argument("file", type=Path)
    show.set_defaults(run=_show)
    diff = verbs.add_parser("diff", help="how a run moved against a baseline; exit code 1 where something regressed")
    diff.add_argument("file", type=Path)
    diff.add_argument("other", type=Path, nargs="?", default=RESULTS, help="the record of a run, or a later baseline [%(default)s]")
    diff.add_argument("--thresholds", type=Path, default=Path("thresholds.yaml"), help="where the tolerances stand [%(default)s]")
    diff.set_defaults(run=_diff)


def _save(options: argparse.Namespace) -> int:
    from pipeline.report.results import read_results
    from pipeline.verdict.baseline import baseline_of, default_path, write_baseline
    baseline = baseline_of(read_results(options.results), options.reason)
    path = options.to or default_path(baseline.profile, baseline.host_class, BASELINES)
    write_baseline(baseline, path)
    print(f"{path}: {len(baseline.claims)} claims of run {baseline.run}; commit it")
    if baseline.artifacts and not baseline.commit:
        print("edge: the run's code was not committed, so its times can only be compared as kept, not in turns", file=sys.stderr)
    return 0


def _show(options: argparse.Namespace) -> int:
    from pipeline.report.changes import show_baseline
    from pipeline.verdict.baseline import read_baseline
    show_baseline(read_baseline(options.file), sys.stdout)
    return 0


def _diff(options: argparse.Namespace) -> int:
    from pipeline.report.changes import show_changes
    from pipeline.report.results import read_results
    from pipeline.verdict.baseline import read_baseline
    from pipeline.verdict.regression import between, since
    from pipeline.verdict.thresholds import read_thresholds
    baseline, thresholds = read_baseline(options.file), read_thresholds(options.thresholds)
    if options.other.suffix in (".yaml", ".yml"):
        changes = between(baseline, read_baseline(options.other), thresholds)
    else:
        changes = since(baseline, read_results(options.other), thresholds)
    show_changes(baseline, changes, sys.stdout)
    return int(any(change.state in ("regressed", "stopped") for change in changes.values()))
