"""One step of a recipe: a technique applied, and its report."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from pipeline.compress import GRAPH, Source, technique
from pipeline.compress.report import common_report
from pipeline.compress.settings import Settings
from pipeline.runtime.files import write_object

REPORT = "compression.json"


def run_step(name: str, out: Path, scratch: Path, source: Source, settings: Settings) -> None:
    """Write the result of one technique and its compression.json into ``out``; EdgeError for what it cannot do."""
    module = technique(name)
    own = module.apply(out, scratch, source, settings)
    gc.collect()  # models refer to themselves: at full scale one that waits for Python to notice costs gigabytes
    common = common_report(source.model, out, graph=module.STAGE == GRAPH, renamed=own.get("renamed"))
    gc.collect()
    write_object(out / REPORT, {"technique": name, "family": module.FAMILY, "settings": settings.model_dump(), **common, **own})


def report_of(artifact: Path) -> dict[str, Any]:
    """The report of one step's directory."""
    from pipeline.runtime.files import read_object

    return read_object(artifact / REPORT, "the report of a compression")
