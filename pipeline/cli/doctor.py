"""``edge doctor``: is this machine ready, and if not, what to do."""

from __future__ import annotations

import argparse

from pipeline.cli.common import Subparsers, add_columns, add_profile, add_store
from pipeline.profile import load_profile, parse_columns


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("doctor", help="is this machine ready, and if not, what to do")
    add_profile(parser)
    parser.add_argument("--model", default="", help="a model directory or hub id in place of the profile's base")
    parser.add_argument("--train-data", default="", help="your own training queries, .jsonl or .csv")
    parser.add_argument("--eval-data", default="", help="your own evaluation queries, .jsonl or .csv")
    add_columns(parser)
    add_store(parser)
    parser.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    from pipeline.doctor import examine, exit_code, render
    columns = parse_columns(options.columns)
    profile = load_profile(options.profile, options.model, options.train_data, options.eval_data, columns)
    findings = examine(profile.model_dump(), options.store)
    print(render(findings))
    return exit_code(findings)
