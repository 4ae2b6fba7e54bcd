"""The Allure results as one HTML file, by the `allure` package from npm."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from pipeline.atomic import write_atomically
from pipeline.errors import EdgeError
from pipeline.report.allure import CATEGORIES

ALLURE = "allure@3.18.0"
TRACKER = re.compile(rb'<script async src="https://www\.googletagmanager\.com/[^"]*"></script>')
TITLE = "On-device acceptance"
INSTALL = "install Node.js 20 or newer (https://nodejs.org, `brew install node`, `apt-get install nodejs npm`)"


def node_note() -> str:
    """Why no HTML can be made here and what to do, or ""."""
    return "" if shutil.which("npx") else f"HTML report: expected npx, found none; {INSTALL}"


def render(allure_results: Path, folder: Path, timeout_s: float = 300) -> Path:
    """Write ``folder/index.html``, one file that opens without a server.  EdgeError without node, results or registry.

    The first call lets npm fetch the pinned `allure` package (53 MB); later calls work offline.
    """
    if note := node_note():
        raise EdgeError(note)
    if not any(allure_results.glob("*-result.json")):
        raise EdgeError(f"{allure_results}: expected Allure results, found none; run `make accept` first")
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "report"
        _generate(allure_results.resolve(), made, Path(scratch), timeout_s)
        pages = sorted(made.rglob("index.html"), key=lambda page: len(page.parts))
        if not pages:
            raise EdgeError(f"HTML report: expected {ALLURE} to write index.html, found none; run it by hand on {allure_results}")
        write_atomically(folder / "index.html", without_tracking(pages[0].read_bytes()))
    return folder / "index.html"


def without_tracking(page: bytes) -> bytes:
    """The page without its request to an analytics server: `allure` has no option for that."""
    return TRACKER.sub(b"", page)


def _generate(results: Path, made: Path, scratch: Path, timeout_s: float) -> None:
    config = scratch / "allurerc.json"
    config.write_text(json.dumps(_config(made)), encoding="utf-8")
    command = ["npx", "--yes", ALLURE, "generate", "--config", str(config), "--output", str(made), str(results)]
    environment = {**os.environ, "npm_config_update_notifier": "false", "npm_config_fund": "false"}
    try:
        done = subprocess.run(command, cwd=scratch, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise EdgeError(f"HTML report: expected {ALLURE} to finish in {timeout_s:.0f} s, it did not; check the network to npm") from None
    except OSError as error:
        raise EdgeError(f"HTML report: expected npx to start, found {error}; {INSTALL}") from None
    if done.returncode:
        tail = " ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])[:300]
        raise EdgeError(f"HTML report: {ALLURE} ended with {done.returncode}: {tail}; check the network to npm or `npx --yes {ALLURE}`")


def _config(made: Path) -> dict[str, object]:
    options = {"singleFile": True, "reportName": TITLE, "groupBy": ["feature"]}
    categories = [{"name": item["name"], "matchedStatuses": item["matchedStatuses"], "messageRegex": item["messageRegex"]}
                  for item in CATEGORIES]
    return {"name": TITLE, "output": str(made), "categories": categories, "plugins": {"awesome": {"options": options}}}
