"""``edge doctor``: is this machine ready, and if not, what to do."""

from __future__ import annotations

import argparse

from pipeline.cli.common import Subparsers, add_store
from pipeline.profile import load_profile


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("doctor", help="is this machine ready, and if not, what to do")
    parser.add_argument("--profile", default="reference")
    parser.add_argument("--model", default="", help="a model directory or hub id in place of the profile's base")
    parser.add_argument("--train-data", default="")
    parser.add_argument("--eval-data", default="")
    add_store(parser)
    parser.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    from pipeline.doctor import examine, render
    profile = load_profile(options.profile, options.model, options.train_data, options.eval_data)
    findings = examine(profile.model_dump(), options.store)
    print(render(findings))
    return int(any(finding.state == "fail" for finding in findings))
