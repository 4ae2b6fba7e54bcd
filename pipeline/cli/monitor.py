"""``edge monitor``: whether a served model still decides as it did when all was well."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from pipeline.cli.common import Subparsers
from pipeline.errors import EdgeError


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("monitor", help="hold the decisions of `edge serve --decisions FILE` against a reference window; "
                                                   "exit code 1 on an alarm")
    parser.add_argument("decisions", type=Path, metavar="FILE", help="the log of decisions")
    parser.add_argument("--baseline", type=Path, required=True, metavar="FILE", help="the reference window")
    parser.add_argument("--save", action="store_true", help="make these decisions the reference window instead")
    parser.add_argument("--rate", type=float, default=1.0, metavar="N",
                        help="false alarms to expect in 100,000 decisions while nothing changes [%(default)s]")
    parser.add_argument("--finding", type=Path, metavar="MODEL.json",
                        help="write what was found there too, for /metrics of `edge serve --drift` and, in reports/drift, of `edge api`")
    parser.set_defaults(run=_monitor)


def _monitor(options: argparse.Namespace) -> int:
    from pipeline.monitor.decisions import read_decisions
    from pipeline.monitor.drift import Watch
    from pipeline.monitor.finding import Finding, write_finding
    from pipeline.monitor.window import read_window, window_of, write_window
    if options.save:
        window = window_of(list(read_decisions(options.decisions)))
        write_window(window, options.baseline)
        print(f"{options.baseline}: {len(window.milliseconds):,} decisions, {len(window.labels)} labels")
        return 0
    watch = Watch(read_window(options.baseline), options.rate)
    alarms = list(watch.follow(read_decisions(options.decisions)))
    if not watch.seen:
        raise EdgeError(f"{options.decisions}: expected decisions, found none; serve with --decisions and ask something")
    if options.finding:
        write_finding(Finding(at=time.time(), decisions=watch.seen, alarms=watch.alarms), options.finding)
    first = {alarm.stream: alarm for alarm in reversed(alarms)}
    for alarm in sorted(first.values(), key=lambda one: (one.at, alarms.index(one))):
        more = sum(other.stream == alarm.stream for other in alarms) - 1
        print(f"after {alarm.at:,} decisions: {alarm.says} (p {alarm.p:.1e}{f'; {more} alarms more' if more else ''})")
    print(f"{watch.seen:,} decisions, {len(alarms)} alarms; {options.rate:g} false alarms to expect in 100,000")
    return int(bool(alarms))
