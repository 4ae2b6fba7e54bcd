"""One record of a run, every report: each rendering reads only ``results.json``."""

from __future__ import annotations

import json
from pathlib import Path


def render_all(results_path: Path, directory: Path) -> list[Path]:
    """Write every rendering of the record but HTML into ``directory``; returns what was written.

    HTML needs node and a package from npm, so it is made apart (``pipeline.report.html``).
    EdgeError when the record is missing or broken, or the disk refuses.
    """
    from pipeline.atomic import write_atomically
    from pipeline.report import allure, allurerc, figures, junit, latex, markdown, summary, terminal
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
    written.append(allure.render(results, directory / "allure-results", pictures))
    return written
