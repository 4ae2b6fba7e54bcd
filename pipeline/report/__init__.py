"""One record of a run, every report: each rendering reads only ``results.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.verdict.thresholds import Thresholds


def render_all(results_path: Path, directory: Path, thresholds: Thresholds | None = None) -> list[Path]:
    """Write every rendering of the record but Allure's page into ``directory``; returns what was written.

    That page needs node and a package from npm, so it is made apart (``pipeline.report.html``).  The run joins ``directory``/history/runs;
    with ``thresholds`` what regressed since the run before is marked in the trend, and versions that the registry has are named.
    EdgeError when the record is missing or broken, or the disk refuses.
    """
    from pipeline.atomic import write_atomically
    from pipeline.registry.known import known_versions
    from pipeline.report import allure, allurerc, figures, junit, latex, markdown, run_page, summary, terminal, trend
    from pipeline.report.results import read_results

    results = read_results(results_path)
    pictures = figures.render(results, directory / "figures")
    written = [path for picture in pictures for path in (picture.png, picture.pdf)]
    written += markdown.render(results, directory, pictures)
    written += latex.render(results, directory / "latex", pictures)
    texts = {"table.svg": terminal.picture(results), "summary.md": summary.render(results), "junit.xml": junit.render(results),
             allurerc.FILE: json.dumps(allurerc.config(results), ensure_ascii=False, indent=1)}
    for name, content in texts.items():
        write_atomically(directory / name, content)
        written.append(directory / name)
    runs = trend.keep(results, directory, thresholds)
    write_atomically(directory / run_page.NAME, run_page.page(results, pictures, runs, known_versions()))
    written.append(directory / run_page.NAME)
    written.append(allure.render(results, directory / "allure-results", pictures))
    return written
