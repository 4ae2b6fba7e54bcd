"""What the reports need."""

from __future__ import annotations

import shutil
import warnings

from pipeline.doctor.environment import INSTALL
from pipeline.doctor.finding import Checks, Finding


def checks() -> Checks:
    return {"report": _node, "font": _font}


def _node() -> Finding:
    absent = [program for program in ("node", "npm") if shutil.which(program) is None]
    if absent:
        return Finding("report", "warn", f"no {' and no '.join(absent)}", "install Node.js for the HTML report")
    return Finding("report", "ok", "node and npm for the HTML report")


def _font() -> Finding:
    from pipeline.report.figures.fonts import chinese_font

    with warnings.catch_warnings(action="ignore"):  # the finding says it
        name = chinese_font()
    if name:
        return Finding("font", "ok", name)
    return Finding("font", "warn", "no font with Chinese characters: figures are captioned in English", INSTALL)
