"""The process that builds: told of jobs on stdin, it says on stdout how far it is.  It ends with the worker whose child it is.

A line in: {"job", "order", "store", "registry", "log"}.  Lines out: {"step", "progress"}, then {"result", "artifacts", "version"} or
{"error"}, and with either "again": whether it takes another job.  What libraries print goes to the job's log.  After a job that built
something the process ends, and so gives back the memory that its libraries took.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pipeline.errors import EdgeError, told
from pipeline.service.with_parent import lines_until_the_end


def main() -> int:
    says = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in lines_until_the_end(sys.stdin):
        asked = json.loads(line)
        with _printing_into(Path(asked["log"])):
            last = _do(asked, says)
        _say(says, **last)
        if not last["again"]:
            break
    return 0


def _do(asked: dict[str, Any], says: IO[str]) -> dict[str, Any]:
    """The last line of a job."""
    began = time.monotonic()

    def tell(step: str, progress: float) -> None:
        print(f"{time.monotonic() - began:8.1f} s  {step}", file=sys.stderr, flush=True)
        _say(says, step=step, progress=round(progress, 4))

    try:
        return _build(asked, tell)
    except (EdgeError, OSError) as error:
        reason = told(error) if isinstance(error, OSError) else str(error)
    except Exception as error:  # a library's own: the log has all of it
        traceback.print_exc()
        reason = f"expected the job to end, found {type(error).__name__}: {' '.join(str(error).split()):.300}; see its log"
    print(reason, file=sys.stderr, flush=True)
    return {"error": reason, "again": False}


def _build(asked: dict[str, Any], tell: Any) -> dict[str, Any]:
    from pipeline.service.building import build
    from pipeline.service.order import read_order
    from pipeline.store import Store
    from pipeline.store.place import default_remote

    store, order = Store(Path(asked["store"]), default_remote() or None), read_order(asked["order"])
    built = build(order, store, tell)
    done = {"result": built.model.key, "artifacts": built.to_json(), "version": None, "again": not built.fresh}
    if order.name:
        from pipeline.service.registering import register
        tell("register", 0.99)
        done["version"] = register(order, built, asked["registry"])
    store.close()
    return done


def _say(says: IO[str], **event: Any) -> None:
    says.write(json.dumps(event) + "\n")
    says.flush()


@contextmanager
def _printing_into(log: Path) -> Iterator[None]:
    """Both streams, of this process and of what it starts, go to the end of that file."""
    before = os.dup(1), os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in enumerate(before, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
