"""``edge report``: every rendering of the last run's record."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.cli.common import RESULTS, Subparsers


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("report", help="render reports/results.json: report.html, Markdown, figures, LaTeX, Allure results")
    parser.add_argument("results", type=Path, nargs="?", default=RESULTS, help="[%(default)s]")
    parser.add_argument("--thresholds", type=Path, default=Path("thresholds.yaml"), help="tolerances, to mark what regressed [%(default)s]")
    parser.add_argument("--html", action="store_true", help="the Allure page as well; needs node")
    parser.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
    from pipeline.report import render_all
    directory = options.results.parent
    from pipeline.verdict.thresholds import read_thresholds
    written = render_all(options.results, directory, read_thresholds(options.thresholds) if options.thresholds.exists() else None)
    if options.html:
        from pipeline.report import html
        written.append(html.render(directory))
    print(f"{len(written)} files in {directory}/")
    return 0
