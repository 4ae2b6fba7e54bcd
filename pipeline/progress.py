"""A bar on a terminal, silence in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@dataclass(frozen=True)
class Tracker:
    """What ``track`` gives; both methods may carry a short note, such as the current loss."""

    _bar: Progress
    _task: TaskID

    def advance(self, n: int = 1, note: str | None = None) -> None:
        self._bar.update(self._task, advance=n, **_fields(note))

    def update(self, completed: int, note: str | None = None) -> None:
        self._bar.update(self._task, completed=completed, **_fields(note))


@contextmanager
def track(description: str, total: int | None) -> Iterator[Tracker]:
    """Show progress towards ``total`` (None: unknown) on stderr if that is a terminal, else show nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        yield Tracker(bar, bar.add_task(description, total=total, note=""))


def note(text: str) -> None:
    """A line on stderr if that is a terminal, else nothing: what minutes of work are at."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


def _fields(note: str | None) -> dict[str, str]:
    return {} if note is None else {"note": note}
