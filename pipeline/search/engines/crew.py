"""What every engine does with its workers: start them, start those again that were killed, and end them all."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from pipeline.errors import EdgeError
from pipeline.search.work import Budget

RESTARTS = 3  # of all workers of a command together
POLL = 0.1  # seconds
REFUSED = 2  # a worker's exit code when its plan cannot work, whoever tries it


@dataclass(frozen=True)
class End:
    """How a worker ended: its exit code (negative: the signal that killed it) and its last words."""

    code: int
    words: str


class Worker(Protocol):
    """A worker that was started."""

    def end(self) -> End | None:
        """None while it runs."""

    def kill(self) -> None:
        """End it, and all that it started, if it still runs; returns when it is gone."""


def supervise(start: Callable[[int, Budget], Worker], workers: int, until: Budget, first: int = 0,
              look: Callable[[], None] = lambda: None) -> None:
    """Keep ``workers`` workers at work until the budget is spent, `RESTARTS` times starting another for one that died.

    start: number, budget -> a running worker; the numbers begin at ``first``, and none is given twice.  A worker that ends by itself has
    spent the budget.  look: is called a few times a second.  However this ends, no worker is left.  EdgeError when a worker refuses the
    plan, and when the last one died.
    """
    if workers < 1:
        raise EdgeError(f"--workers: expected at least 1, found {workers}; give more")
    numbers, clock, restarts, done = count(first), _remaining(until), RESTARTS, 0
    crew: list[Worker] = []
    try:
        crew += [start(next(numbers), next(clock)) for _ in range(workers)]
        while crew:
            worker, end = _next_end(crew, look)
            crew.remove(worker)
            if end.code == 0:
                done += 1
            elif end.code == REFUSED:
                raise EdgeError(end.words)
            elif restarts and not _over(left := next(clock)):
                restarts -= 1
                _say(f"a worker died ({end.words}); another one takes its place")
                crew.append(start(next(numbers), left))
            elif not crew and not done:
                raise EdgeError(f"expected workers that live, found the last one dead after {RESTARTS - restarts} restarts: {end.words}; "
                                "free memory, or give fewer --workers")
            else:
                _say(f"a worker died ({end.words})")
    finally:
        for worker in crew:
            worker.kill()


def _next_end(crew: list[Worker], look: Callable[[], None]) -> tuple[Worker, End]:
    """The first worker found to have ended."""
    while True:
        for worker in crew:
            if (end := worker.end()) is not None:
                return worker, end
        look()
        time.sleep(POLL)


def _remaining(until: Budget) -> Iterator[Budget]:
    """The budget with the seconds that are left of it at each look."""
    started = time.monotonic()
    while True:
        left = None if until.seconds is None else max(0.0, until.seconds - (time.monotonic() - started))
        yield Budget(until.trials, left)


def _over(left: Budget) -> bool:
    return left.seconds is not None and left.seconds <= 0


def _say(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr, flush=True)
