"""``edge m4``: the whole run on an Apple M4, from the checks to the reports."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.common import BASELINES, Subparsers, add_store
from pipeline.store.place import REMOTE_VARIABLE, default_remote

if TYPE_CHECKING:
    from pipeline.profile import Profile

NOTHING_MEASURED = 6


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("m4", help="check, build or fetch, cool down, measure, keep: the run on an Apple M4")
    parser.add_argument("--profile", default="qwen3-0.6b", help="a profile's name or the path of its YAML file [%(default)s]")
    parser.add_argument("--model", default="", help="a model directory or hub id in place of the profile's base")
    parser.add_argument("--format", default="", help="what ships, such as coreml-int8, in place of the profile's")
    parser.add_argument("--tests", type=Path, default=Path("acceptance"), help="[%(default)s]")
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="[%(default)s]")
    parser.add_argument("--baselines", type=Path, default=BASELINES, help="[%(default)s]")
    parser.add_argument("--wait", type=float, default=15, metavar="MINUTES", help="at most, for the machine to cool down [%(default)s]")
    parser.add_argument("--rehearse", action="store_true",
                        help="go through the steps on a machine that is no M4: nothing is built, every claim is not measured")
    add_store(parser)
    parser.add_argument("--store-url", default=default_remote(), help=f"shared store with artifacts built elsewhere [${REMOTE_VARIABLE}]")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from pipeline.errors import EdgeError
    from pipeline.kit.checks import refusals_here
    from pipeline.kit.suite import RECORDED, Run, run
    from pipeline.measure.host import describe_host
    from pipeline.profile import load_profile
    host, refused = describe_host(), refusals_here(options.store)
    if options.rehearse and host["is_m4"]:
        raise EdgeError(f"--rehearse: expected another machine than an M4, where claims are judged, found {host['chip']}; leave it out")
    if refused and not options.rehearse:
        print("\n".join(f"edge: {line}" for line in refused), file=sys.stderr)
        return 2
    _say(1, "checks", *(f"  not met: {line}" for line in refused), *([] if refused else ["  all met"]))
    profile = load_profile(options.profile, options.model, format=options.format)
    _prepare(options, profile, options.rehearse)
    asked = Run(options.tests, options.profile, options.model, options.store, options.store_url, options.reports,
                _known(options.baselines, profile.name, host["host_class"]), options.format)
    _say(4, "acceptance", f"  pytest {' '.join(asked.arguments())}")
    code = run(asked)
    if code in RECORDED:
        from pipeline.kit.keep import keep
        _say(5, "kept")
        keep(options.reports / "results.json", options.baselines, profile, sys.stdout)
    if options.rehearse and code == NOTHING_MEASURED:
        print("rehearsed: every step ran and no claim was measured, as it must be here")
        return 0
    return code


def _prepare(options: argparse.Namespace, profile: Profile, rehearsing: bool) -> None:
    """Steps 2 and 3.  Nothing is measured in a rehearsal, so there is nothing to build or to wait for."""
    from pipeline.kit.artifacts import Supply, prepare
    from pipeline.kit.cool_down import cool_down
    from pipeline.store import Store
    _say(2, "artifacts")
    store = Store(options.store, options.store_url or None)
    prepare(profile, Supply(store, _tell, building=not rehearsing))
    store.close()
    _say(3, "cool down")
    _tell("  left out: nothing will be measured" if rehearsing else f"  waited {cool_down(60 * options.wait):.0f} s")


def _known(baselines: Path, profile: str, host_class: str) -> Path | None:
    """The folder of baselines, where it has one of this profile and host class."""
    from pipeline.verdict.baseline import default_path
    return baselines if default_path(profile, host_class, baselines).is_file() else None


def _say(step: int, title: str, *lines: str) -> None:
    print("\n".join([f"[{step}/5] {title}", *lines]), flush=True)


def _tell(line: str) -> None:
    print(line, flush=True)
