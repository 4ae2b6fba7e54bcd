"""What is left of a run: its record, a baseline, the reports, and the predictions beside the figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from pipeline.errors import EdgeError
from pipeline.plan.claims import compared
from pipeline.plan.device import Device, devices, load_device
from pipeline.profile import Profile
from pipeline.report import render_all
from pipeline.report.plan import show_beside
from pipeline.report.results import read_results
from pipeline.verdict.baseline import baseline_of, default_path, write_baseline


def keep(results_path: Path, baselines: Path, profile: Profile, stream: TextIO) -> None:
    """A line for everything that was written, then the table."""
    results = read_results(results_path)
    print(f"record: {results_path}", file=stream)
    print(f"baseline: {_baseline(results, results_path.parent, baselines)}", file=stream)
    print(f"reports: {len(render_all(results_path, results_path.parent))} files in {results_path.parent}/", file=stream)
    if device := device_of(results["run"].get("host") or {}):
        try:
            show_beside(results, device, compared(results, device, profile), stream)
        except EdgeError as error:  # a model that is not here as a directory has no measures to predict from
            print(f"predictions: none, for {error}", file=stream)


def device_of(host: Mapping[str, Any]) -> Device | None:
    """The device profile of the host that a record is of, by its chip; None where there is none."""
    known = {device.chip: device for device in map(load_device, devices())}
    return known.get(str(host.get("chip"))) or (load_device("x86") if host.get("machine") == "x86_64" else None)


def _baseline(results: Mapping[str, Any], reports: Path, folder: Path) -> str:
    """A baseline that is there already stays: it is for a person to say that a later run replaces it."""
    try:
        made = baseline_of(results)
    except EdgeError:
        return "none, for no claim has a valid figure"
    path = default_path(made.profile, made.host_class, folder)
    if path.exists():
        beside = reports / path.name
        write_baseline(made, beside)
        return f"{beside}; {path} stays as it is: copy it there to replace that one"
    write_baseline(made, path)
    return f"{path}; commit it"
