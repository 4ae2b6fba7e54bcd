"""``edge init``: a workspace for the learning assistant."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.cli.common import Subparsers


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("init", help="make a workspace for the learning assistant, or what is missing in one")
    parser.add_argument("directory", type=Path)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from pipeline.edge.assistant.workspace import init
    made = init(options.directory)
    print(f"{options.directory}: {', '.join(made) if made else 'all there, nothing changed'}")
    return 0
