"""Which provider really ran each node, from the profile that ONNX Runtime writes of a session."""

from __future__ import annotations

import json
import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import EdgeError

BY = "ONNX Runtime's profile"
COREML = "CoreMLExecutionProvider"
OpenSession = Callable[..., Any]


def profiled(runs: Iterable[tuple[OpenSession, Sequence[Mapping[str, np.ndarray]]]]) -> dict[str, Any]:
    """Run every feed once in a session that is opened with a ``profile``, and tally them all.

    {"by": `BY`, "nodes": provider -> how often it ran one, "time": provider -> its share of the time in nodes}.
    """
    events: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (open_session, feeds) in enumerate(runs):
            session = open_session(profile=str(Path(folder) / f"{number}"))
            for feed in feeds:
                session.run(None, dict(feed))
            events += read_profile(Path(session.end_profiling()))
    return tally(events)


def read_profile(file: Path) -> list[Any]:
    """The events of a profile; EdgeError when it is not whole."""
    try:
        events = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise EdgeError(f"{file.name}: expected {BY} as JSON, found {error}; profile again") from None
    if not isinstance(events, list):
        raise EdgeError(f"{file.name}: expected {BY} as a list of events, found {type(events).__name__}; profile again")
    return events


def tally(events: Sequence[Any]) -> dict[str, Any]:
    """As in `profiled`.  A node's run is an event of category Node whose name ends in _kernel_time; EdgeError when there is none,
    or one without a provider or with a duration that cannot be."""
    nodes: Counter[str] = Counter()
    time: Counter[str] = Counter()
    for event in events:
        if not (isinstance(event, dict) and event.get("cat") == "Node" and str(event.get("name", "")).endswith("_kernel_time")):
            continue
        told, took = event.get("args"), event.get("dur")
        provider = told.get("provider") if isinstance(told, dict) else None
        real = isinstance(took, (int, float)) and not isinstance(took, bool) and 0 <= took < math.inf
        if not real or not provider or not isinstance(provider, str):
            raise EdgeError(f"{BY}: expected a provider and a duration of each node, found {provider!r:.40} and {took!r:.40} for "
                            f"{event['name']!r:.80}; profile again")
        nodes[provider] += 1
        time[provider] += took  # us
    total = sum(time.values())
    if not total:
        raise EdgeError(f"{BY}: expected nodes that took some time, found {sum(nodes.values())} that took none; profile more prompts")
    return {"by": BY, "nodes": dict(nodes), "time": {provider: took / total for provider, took in time.items()}}
