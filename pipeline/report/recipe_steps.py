"""A recipe in the terminal: what each of its steps did, or is predicted to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.compress.chain import Compressed
from pipeline.compress.predicted import Predicted
from pipeline.compress.report import size_of
from pipeline.compress.step import REPORT, report_of
from pipeline.store import Artifact

NONE, MB = "–", 1e6
LONGEST = 400  # columns
COLUMNS = ("step", "settings", "MB", "parameters", "sparsity", "worst matrix error", "s", "key")


def steps_of(made: Compressed, merged: Artifact) -> list[dict[str, Any]]:
    """What each step did, in order: its report, seconds and key; the export has sizes alone."""
    found, before = [], merged
    for name, artifact in made.steps.items():
        report = report_of(artifact.path) if (artifact.path / REPORT).is_file() else {
            "bytes": {"before": size_of(before.path), "after": size_of(artifact.path)}}
        found.append({"step": name, "key": artifact.key, "seconds": artifact.manifest.get("duration_s"),
                      **{part: report.get(part) for part in ("settings", "bytes", "parameters", "sparsity")},
                      "worst": max(report.get("error", {}).items(), key=lambda item: item[1], default=None)})
        before = artifact
    return found


def show_steps(made: Compressed, merged: Artifact, stream: TextIO) -> None:
    """A row a step, then what serves."""
    rows = [(step["step"], settings(step["settings"]), change(step["bytes"], megabytes), change(step["parameters"], "{:,}".format),
             change(step["sparsity"], "{:.3f}".format), f"{step['worst'][1]:.4f} {_short(step['worst'][0])}" if step["worst"] else NONE,
             seconds(step), step["key"][:12]) for step in steps_of(made, merged)]
    notes = [f"left out: {name}, which mends behaviour: this profile tells nothing about that" for name in made.skipped]
    serves = f"model {made.model.key[:12]}, decision {made.decision.key[:12]}"
    print_table(stream, COLUMNS, rows, numbers=(2, 3, 4, 6), notes=[*notes, serves])


def show_predicted(steps: Sequence[Predicted], stream: TextIO) -> None:
    """A row a step; nothing was built."""
    rows = [(step.name, settings(step.settings), megabytes(step.plan.bytes), f"{step.memory:,.0f}", f"{step.seconds:,.0f}")
            for step in steps]
    print_table(stream, ("predicted after", "settings", "MB", "memory MB", "s"), rows, numbers=(2, 3, 4))


def megabytes(count: int) -> str:
    return f"{count / MB:,.1f}"


def seconds(step: Mapping[str, Any]) -> str:
    return NONE if step["seconds"] is None else f"{step['seconds']:,.1f}"


def settings(chosen: Mapping[str, Any] | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in (chosen or {}).items()) or NONE


def change(sides: Mapping[str, Any] | None, say: Callable[[Any], str]) -> str:
    """Before and after, once where nothing changed."""
    if not sides:
        return NONE
    before, after = say(sides["before"]), say(sides["after"])
    return after if before == after else f"{before} → {after}"


def print_table(stream: TextIO, columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int],
                notes: Iterable[str] = ()) -> None:
    """Rows, then a line each note.  ``numbers``: the columns aligned right.  In a log as wide as it needs, a row a line."""
    body = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for place, name in enumerate(columns):
        body.add_column(name, justify="right" if place in numbers else "left", overflow="fold")
    for row in rows:
        body.add_row(*map(Text, row))
    console = Console(file=stream) if stream.isatty() else Console(file=stream, no_color=True, force_terminal=False, width=LONGEST)
    if not stream.isatty():
        console.width = console.measure(body).maximum
    console.print(body)
    for note in notes:
        print(note, file=stream)


def _short(matrix: str) -> str:
    return matrix.removeprefix("model.layers.").removesuffix(".weight")
