"""The process that reads course files: a path in JSON on a line of stdin, each passage on a line of stdout, then how it ended.

It may be killed at any time, and ends itself when it uses too much memory or processor time.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.edge.assistant.library.documents import read_document
from pipeline.errors import EdgeError


def main() -> None:
    memory, seconds, characters = (int(limit) for limit in sys.argv[1:])
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints is no answer
    with suppress(ValueError, OSError):  # macOS has no such limit: there the parent looks
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    for line in sys.stdin:
        _allow(seconds)
        try:
            for message in _read(Path(json.loads(line)), characters):
                print(json.dumps(message), file=answers, flush=True)
        except MemoryError:
            print(json.dumps({"stopped": f"it takes more than {memory >> 20} MB of memory"}), file=answers, flush=True)


def _allow(seconds: int) -> None:
    """That much processor time from now on; then the system ends this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, hard))


def _read(path: Path, characters: int) -> Iterator[dict[str, Any]]:
    left = characters
    try:
        for passage in read_document(path):
            yield {"text": passage.text, "place": passage.place}
            left -= len(passage.text)
            if left <= 0:
                yield {"end": f"what stands behind the first {characters:,} characters"}
                return
        yield {"end": ""}
    except EdgeError as error:
        yield {"error": str(error)}


if __name__ == "__main__":
    main()
