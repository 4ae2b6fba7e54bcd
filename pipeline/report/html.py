"""The Allure results as one HTML file, by the `allure` package from npm."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from pipeline.atomic import write_atomically
from pipeline.errors import EdgeError
from pipeline.report import allurerc

ALLURE = "allure@3.18.0"
TRACKER = re.compile(rb'<script async src="https://www\.googletagmanager\.com/[^"]*"></script>')
INSTALL = "install Node.js 20 or newer (https://nodejs.org, `brew install node`, `apt-get install nodejs npm`)"


def node_note() -> str:
    """Why no HTML can be made here and what to do, or ""."""
    return "" if shutil.which("npx") else f"HTML report: expected npx, found none; {INSTALL}"


def render(reports: Path, timeout_s: float = 300) -> Path:
    """Write ``reports``/html/index.html, one file that opens without a server, from what `edge report` wrote into ``reports``.

    The run joins ``reports``/history, once however often it is rendered.  EdgeError without node, results or registry.
    The first call lets npm fetch the pinned `allure` package (53 MB); later calls work offline.
    """
    if note := node_note():
        raise EdgeError(note)
    results, page = reports / "allure-results", reports / "html" / "index.html"
    if not any(results.glob("*-result.json")):
        raise EdgeError(f"{results}: expected Allure results, found none; run `make accept` first")
    config = _config(reports)
    _forget(reports / config["historyPath"], config["name"])
    with tempfile.TemporaryDirectory() as scratch:
        made, told = Path(scratch) / "report", Path(scratch) / allurerc.FILE
        told.write_text(json.dumps(config | {"appendHistory": True}), encoding="utf-8")
        _generate(reports, told, made, timeout_s)
        pages = sorted(made.rglob("index.html"), key=lambda path: len(path.parts))
        if not pages:
            raise EdgeError(f"HTML report: expected {ALLURE} to write index.html, found none; run it by hand on {results}")
        write_atomically(page, without_tracking(pages[0].read_bytes()))
    return page


def _config(reports: Path) -> dict[str, Any]:
    path = reports / allurerc.FILE
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        return {**config, "historyPath": str(config["historyPath"]), "name": str(config["name"])}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EdgeError(f"{path}: expected Allure's configuration, found {error}; run `edge report` again") from None


def _forget(history: Path, run: str) -> None:
    """Take the run out of the history, and what is no line of one: the generator adds the run, and stops at a broken line."""
    if history.exists():
        lines = history.read_text(encoding="utf-8", errors="replace").splitlines()
        write_atomically(history, "".join(f"{line}\n" for line in lines if _name(line) not in (None, run)))


def _name(line: str) -> str | None:
    """The name of a run in the history; None where the line is none."""
    try:
        return str(json.loads(line)["name"])
    except (ValueError, TypeError, KeyError):
        return None


def without_tracking(page: bytes) -> bytes:
    """The page without its request to an analytics server: `allure` has no option for that."""
    return TRACKER.sub(b"", page)


def _generate(reports: Path, config: Path, made: Path, timeout_s: float) -> None:
    command = ["npx", "--yes", ALLURE, "generate", "--config", str(config), "--output", str(made), "allure-results"]
    environment = {**os.environ, "npm_config_update_notifier": "false", "npm_config_fund": "false"}
    try:
        done = subprocess.run(command, cwd=reports, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise EdgeError(f"HTML report: expected {ALLURE} to finish in {timeout_s:.0f} s, it did not; check the network to npm") from None
    except OSError as error:
        raise EdgeError(f"HTML report: expected npx to start, found {error}; {INSTALL}") from None
    if done.returncode:
        tail = " ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])[:300]
        raise EdgeError(f"HTML report: {ALLURE} ended with {done.returncode}: {tail}; check the network to npm or `npx --yes {ALLURE}`")
