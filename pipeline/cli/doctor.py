"""``edge doctor``: is this machine ready, and if not, what to do."""

from __future__ import annotations

import argparse

from pipeline.cli.common import Subparsers, add_own, add_profile, add_store, profile_of


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("doctor", help="is this machine ready, and if not, what to do")
    add_profile(parser)
    add_own(parser)
    add_store(parser)
    parser.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    from pipeline.doctor import examine, exit_code, render
    findings = examine(profile_of(options).model_dump(), options.store)
    print(render(findings))
    return exit_code(findings)
