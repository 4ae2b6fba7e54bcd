"""``edge profile``: where a model's time and bytes go, and what to do about it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipeline.cli.common import RESULTS, Subparsers, add_store


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("profile", help="time and bytes of each operator of a model, and the bottleneck with a remedy")
    parser.add_argument("models", nargs="+", metavar="MODEL", help="an artifact's key, its directory, or an .onnx file")
    parser.add_argument("--threads", type=int, default=1, help="of a run [%(default)s]")
    parser.add_argument("--tokens", type=int, default=32, help="of the prompt, its fixed beginning included [%(default)s]")
    parser.add_argument("--rounds", type=int, default=30, help="runs timed, after 5 to warm up [%(default)s]")
    parser.add_argument("--hosts", type=Path, metavar="FILE", help="YAML that names hosts and the profiles made there: one table of all")
    parser.add_argument("--reports", type=Path, default=RESULTS.parent / "profile", metavar="DIR",
                        help="where to write NAME.json, .md, .png and .pdf [%(default)s]")
    add_store(parser)
    parser.set_defaults(run=_profile)


def _profile(options: argparse.Namespace) -> int:
    from pipeline.cli.common import directory_of
    from pipeline.profiling import profile_operators
    from pipeline.profiling.hosts import collected, read_hosts
    from pipeline.progress import track
    from pipeline.report.profiling import show, show_hosts, write
    hosts = read_hosts(options.hosts) if options.hosts else None
    paths = {name: Path(name) if Path(name).suffix == ".onnx" else directory_of(name, options.store) for name in options.models}
    profiles = []
    with track("profiling", len(paths)) as progress:
        for name, path in paths.items():
            profiles.append(profile_operators(path, threads=options.threads, tokens=options.tokens, rounds=options.rounds,
                                              name=Path(name).stem))
            progress.advance()
    for profile in profiles:
        show(profile, sys.stdout)
        print(", ".join(map(str, write(profile, options.reports))))
    if hosts:
        show_hosts(collected(hosts, options.hosts.parent, profiles), sys.stdout)
    return 0
