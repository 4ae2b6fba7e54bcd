"""``python -m benchmarks.parquet``: writes and reads one model in each form, in turns, and prints a table."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.parquet.forms import FORMS
from pipeline.errors import EdgeError
from pipeline.measure.child import ROOT, environment
from pipeline.measure.conditions import watch
from pipeline.measure.host import describe_host
from pipeline.percentile import percentile
from pipeline.progress import note, track
from pipeline.train.weights import count, shapes, weight_files

ACTIONS = ("write", "all", "one")
HEAD = ("form", "MB", "write GB/s", "read GB/s", "one tensor ms", "write peak MB", "read peak MB", "one peak MB")
Results = dict[tuple[str, str], list[dict[str, float]]]


def main() -> None:
    options = _options()
    host = describe_host()
    with TemporaryDirectory(dir=options.scratch) as folder, watch("timing") as seen:
        source = options.model or _shape(Path(folder, "shape"))
        tensors = shapes(weight_files(source))
        largest = max(tensors, key=lambda name: count({name: tensors[name]}))
        results = _measure(source, Path(folder), largest, options.rounds, options.forms)
        sizes = {form: Path(folder, form).stat().st_size / 1e6 for form in options.forms}
        gigabytes = sum(file.stat().st_size for file in weight_files(source)) / 1e9
    print(f"{count(tensors) / 1e6:.0f} M weights, {host['cpu']}, {host['system']}, {date.today()}; median of {options.rounds} processes, "
          f"files in the page cache; one tensor: {largest} {list(tensors[largest])}")
    print(*_table(results, sizes, gigabytes), sep="\n")
    if seen.broken:
        print(f"\nConditions: {seen.broken}")


def _measure(source: Path, folder: Path, largest: str, rounds: int, forms: list[str]) -> Results:
    """Every action of every form once a round; the order turns round from one round to the next."""
    results: Results = defaultdict(list)
    with track("rounds", rounds) as bar:
        for number in range(rounds):
            for action in ACTIONS:
                for form in forms[::-1] if number % 2 else forms:
                    if action == "write":
                        (folder / form).unlink(missing_ok=True)
                    results[form, action].append(_run(form, action, source, folder / form, largest))
            bar.advance()
    return results


def _run(form: str, action: str, source: Path, path: Path, name: str) -> dict[str, float]:
    argv = [sys.executable, "-P", "-m", "benchmarks.parquet.worker", form, action, str(source), str(path)]
    done = subprocess.run(argv + [name] * (action == "one"), env=environment(2, ROOT), capture_output=True, text=True, check=False)
    if done.returncode:
        raise EdgeError(f"{form}, {action}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


def _table(results: Results, sizes: dict[str, float], gigabytes: float) -> Iterator[str]:
    yield f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}"
    for form, size in sizes.items():
        seconds = {action: _median(results[form, action], "seconds") for action in ACTIONS}
        peaks = [f"{_median(results[form, action], 'peak'):,.0f}" for action in ACTIONS]
        cells = [FORMS[form]().name, f"{size:,.0f}", f"{gigabytes / seconds['write']:.2f}", f"{gigabytes / seconds['all']:.2f}",
                 f"{1e3 * seconds['one']:.0f}", *peaks]
        yield f"| {' | '.join(cells)} |"


def _median(runs: list[dict[str, float]], what: str) -> float:
    return percentile([run[what] for run in runs], 0.5)


def _shape(folder: Path) -> Path:
    """Qwen3-0.6B's shape with random weights."""
    from pipeline.base.shape import build_shape

    note("building the shape of Qwen3-0.6B")
    build_shape(folder, folder, {})
    return folder


def _options() -> Any:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parquet", description=__doc__)
    parser.add_argument("--model", type=Path, help="a Hugging Face directory with one file of weights [Qwen3-0.6B's shape, random]")
    parser.add_argument("--rounds", type=int, default=5, help="of each action and form [%(default)s]")
    parser.add_argument("--forms", nargs="+", choices=list(FORMS), default=list(FORMS))
    parser.add_argument("--scratch", type=Path, help="a folder with 7 GB of room [the system's]")
    return parser.parse_args()


if __name__ == "__main__":
    main()
