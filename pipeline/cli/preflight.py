"""``edge preflight``: what of a model would run on the Neural Engine, before there is a Mac."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipeline.cli.common import Subparsers, add_store
from pipeline.preflight import LENGTH


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("preflight", help="what of a model would run on the Neural Engine: a prediction; exit code 1 "
                                                     "where a matrix product would run elsewhere")
    parser.add_argument("models", nargs="+", metavar="MODEL", help="a .onnx file, a .mlpackage, a directory with one, or an artifact's key")
    parser.add_argument("--length", type=int, default=LENGTH, help="tokens, where the graph leaves them open [%(default)s]")
    add_store(parser)
    parser.set_defaults(run=_preflight)


def _preflight(options: argparse.Namespace) -> int:
    from pipeline.errors import EdgeError
    from pipeline.preflight import preflight
    from pipeline.report.preflight import show
    if options.length < 1:
        raise EdgeError(f"--length: expected at least 1 token, found {options.length}; give more")
    found = {name: preflight(_path(name, options.store), options.length) for name in options.models}
    show(found, sys.stdout)
    return int(any(one.idle or not one.macs for one in found.values()))


def _path(name: str, store: Path) -> Path:
    from pipeline.store import Store
    return Path(name) if Path(name).exists() or "." in name or "/" in name else Store(store).open(name).path
