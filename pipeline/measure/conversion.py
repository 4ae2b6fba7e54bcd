"""Whether the intent data survives the way into every training format and back."""

from __future__ import annotations

import tempfile
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.data.convert import Conversion, convert
from pipeline.data.formats import TRAINED
from pipeline.measure.data_findings import SHOWN
from pipeline.measure.measurement import Exact

if TYPE_CHECKING:
    from pipeline.store import Artifact


def conversion_losses(data: Artifact, system: str) -> Exact:
    """Number of records, over all splits and trained formats, that do not come back byte for byte from records -> format -> records.

    details: ``n`` records sent; ``formats``: how many of them were parsed, dropped, duplicates and lost, by format;
    ``findings`` (the first 50 dropped rows).
    """
    counted = {name: {"parsed": 0, "dropped": 0, "duplicates": 0, "losses": 0} for name in TRAINED}
    findings: list[str] = []
    for file in sorted(data.path.glob("*.jsonl")):
        for name, counts in counted.items():
            ways, losses = _there_and_back(file, name, system)
            _add(counts, ways, losses)
            findings += [row for way in ways for row in way.dropped]
    details: dict[str, Any] = {"formats": counted, "findings": findings[:SHOWN]}
    details["n"] = sum(counts["parsed"] + counts["dropped"] for counts in counted.values())
    losses = sum(counts["losses"] for counts in counted.values())
    return Exact(metric="conversion_losses", unit="count", artifacts={data.kind: data.key}, details=details, value=float(losses))


def _there_and_back(file: Path, name: str, system: str) -> tuple[list[Conversion], int]:
    """Both conversions, the second only where the first wrote something, and how many lines of ``file`` are not as they were."""
    with tempfile.TemporaryDirectory() as folder:
        away, home = Path(folder, "away.jsonl"), Path(folder, "home.jsonl")
        ways = [convert(file, away, name, "records", system=system)]
        if away.exists():
            ways.append(convert(away, home, "records", name, system=system))
        before, after = (path.read_bytes().splitlines() if path.exists() else [] for path in (file, home))
    return ways, sum(one != other for one, other in zip_longest(before, after))


def _add(counts: dict[str, int], ways: list[Conversion], losses: int) -> None:
    there = ways[0]
    counts["parsed"] += there.parsed
    counts["duplicates"] += len(there.duplicates)
    counts["dropped"] += sum(len(way.dropped) for way in ways)
    counts["losses"] += losses
