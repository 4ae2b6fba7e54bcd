"""``edge gate``: is anything claimed, tested or measured less than at a git reference, without a newer reason."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.cli.common import BASELINES, RESULTS, Subparsers


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("gate", help="is anything claimed, tested or measured less than at a git reference")
    parser.add_argument("results", type=Path, nargs="?", help=f"the record of a run [{RESULTS}, where there is one]")
    parser.add_argument("--against", required=True, metavar="REF", help="a branch, tag or commit, such as origin/main")
    parser.add_argument("--thresholds", type=Path, default=Path("thresholds.yaml"), help="[%(default)s]")
    parser.add_argument("--baselines", type=Path, default=BASELINES, help="[%(default)s]")
    parser.set_defaults(run=_gate)


def _gate(options: argparse.Namespace) -> int:
    from pipeline.ratchet.examine import examine
    record = options.results or (RESULTS if RESULTS.exists() else None)
    found, compared = examine(options.against, options.thresholds, options.baselines, record)
    print("\n".join(map(str, found)) if found else f"green: {compared}: nothing is less without a reason")
    return int(bool(found))
