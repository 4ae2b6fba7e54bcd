"""``edge plan``: what a device will make of a model, before anything is measured."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.common import Subparsers, add_own, add_profile, profile_of

if TYPE_CHECKING:
    from pipeline.plan.candidate import Candidate
    from pipeline.plan.device import Device
    from pipeline.profile import Profile

PROFILE = "qwen3-0.6b-shape"
NOTE = "predictions, nothing was measured; how they are made and how far they were off: docs/plan.md, edge plan --check"


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("plan", help="predict latency, speed, memory and verdicts on a device")
    parser.add_argument("--device", help="a device's name or the path of its YAML file")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--recipe", help="one recipe, by name or path [all that run there]")
    what.add_argument("--format", help="one device format, such as coreml-int8")
    what.add_argument("--weights-mb", type=float, metavar="N", help="the profile's layers in N MB")
    what.add_argument("--measured", type=Path, metavar="RESULTS", help="a run's record: its figures beside their predictions")
    what.add_argument("--check", action="store_true", help="every published figure beside its prediction from the others")
    what.add_argument("--list", action="store_true", help="the devices that come with the project")
    parser.add_argument("--thresholds", type=Path, default=Path("thresholds.yaml"), help="the documented targets [%(default)s]")
    add_profile(parser)
    add_own(parser)
    parser.set_defaults(run=_run, profile=PROFILE)


def _run(options: argparse.Namespace) -> int:
    from pipeline.errors import EdgeError
    from pipeline.plan.device import devices, load_device
    if options.list:
        return _list()
    if options.check:
        return _check()
    if not options.device:
        raise EdgeError(f"--device: expected one of {', '.join(devices())}, or the path of a .yaml file, found none; name one")
    device, profile = load_device(options.device), profile_of(options)
    return _compare(options, device, profile) if options.measured else _predict(options, device, profile)


def _list() -> int:
    from pipeline.plan.device import devices, load_device
    for name in devices():
        of = load_device(name)
        print(f"{name:<20} {of.chip}: {of.says}; {of.bandwidth.value:g} GB/s; {', '.join(of.engines)}")
    return 0


def _check() -> int:
    from pipeline.plan.efficiency import checked
    from pipeline.report.plan import show_checked
    show_checked(checked(), sys.stdout)
    return 0


def _predict(options: argparse.Namespace, device: Device, profile: Profile) -> int:
    from pipeline.plan.claims import expectations
    from pipeline.plan.prediction import predict
    from pipeline.report.plan import show_device, show_expected, show_predictions
    from pipeline.verdict.thresholds import read_thresholds
    chosen, recommended = _candidates(options, device, profile), device.recommended
    show_device(device, sys.stdout)
    print()
    show_predictions([predict(one, device) for one in chosen], (recommended.recipe, recommended.format), sys.stdout)
    print(f"\nrecommended: {' or '.join(filter(None, (recommended.recipe, recommended.format)))}: {recommended.why}\n")
    targets = read_thresholds(options.thresholds).claims
    show_expected(expectations(targets, device, profile, chosen[0] if len(chosen) == 1 else None), sys.stdout)
    print(f"\n{NOTE}")
    return 0


def _candidates(options: argparse.Namespace, device: Device, profile: Profile) -> list[Candidate]:
    from pipeline.plan.candidate import candidate, format_candidate, that_run_on, weights_candidate
    if options.format:
        return [format_candidate(options.format, profile)]
    if options.recipe:
        return [candidate(options.recipe, profile)]
    if options.weights_mb is not None:
        return [weights_candidate(options.weights_mb, profile, device)]
    return that_run_on(device, profile)


def _compare(options: argparse.Namespace, device: Device, profile: Profile) -> int:
    from pipeline.plan.claims import compared
    from pipeline.report.plan import show_beside
    from pipeline.report.results import read_results
    results = read_results(options.measured)
    show_beside(results, device, compared(results, device, profile), sys.stdout)
    return 0
