"""The thesis's figures; one file a figure, each ``draw(results) -> list[Drawing]``, empty where its data is absent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.report.figures.style import Picture


def render(results: Mapping[str, Any], folder: Path) -> list[Picture]:
    """Write every figure the record has data for as PNG (200 dpi) and PDF; figures of an earlier run go.

    That of compressed models stays: it belongs to a record of its own (`pipeline.report.compression`).
    """
    from pipeline.report.figures import (
        calibration,
        compression,
        confusion,
        latency,
        memory,
        overview,
        risk_coverage,
        scaling,
        style,
        training,
    )

    with style.look():
        drawings = [drawing for figure in (overview, latency, memory, confusion, calibration, risk_coverage, scaling, training)
                    for drawing in figure.draw(results)]
        pictures = [style.write(drawing, folder) for drawing in drawings]
    written = {path for picture in pictures for path in (picture.png, picture.pdf)}
    for stale in folder.glob("*.p[nd][gf]"):
        if stale not in written and stale.stem != compression.NAME:
            stale.unlink()
    return pictures
