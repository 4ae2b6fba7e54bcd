"""The gateway's page as somebody sees it, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from pipeline.measure.measurement import Exact

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SIZE = {"width": 900, "height": 820}  # CSS pixels
PATIENCE = 30_000  # ms for an answer


@dataclass(frozen=True)
class Asked:
    """A question typed on the page; ``local_only``: with that switch on."""

    text: str
    local_only: bool = False


@dataclass(frozen=True)
class Shown:
    """What the page shows for one question, and ``kind``, whose colours it has: local or cloud."""

    answer: str
    route: str
    facts: str
    times: str
    kind: str


def no_browser() -> str:
    """Why no page can be looked at here; "" where one can."""
    if find_spec("playwright") is None:
        return "the page is looked at with playwright, which is not installed; install the extra `browser`"
    return "" if browser_path() else f"the page is looked at in a browser, and none of {', '.join(BROWSERS)} is on the path; install one"


def visit(url: str, questions: Sequence[Asked], screenshot: Path | None = None, dark: bool = False) -> tuple[list[Shown], list[str]]:
    """Ask on the page at ``url``; what it showed for each question, and every error its scripts and its policy reported."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path())
        page = browser.new_page(viewport=SIZE, device_scale_factor=2, color_scheme="dark" if dark else "light")
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: (errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(url)
        for place, asked in enumerate(questions):
            page.locator("#local-only").set_checked(asked.local_only)
            page.locator("#question").fill(asked.text)
            page.locator("#question").press("Enter")
            page.locator(".answer").nth(place).and_(page.locator("[data-done]")).wait_for(timeout=PATIENCE)
        shown = [_shown(card) for card in page.locator(".answer").all()]
        if screenshot:
            page.screenshot(path=screenshot)
        browser.close()
    return shown, errors


def look(base_url: str, questions: Sequence[Asked], screenshot: Path, artifacts: Mapping[str, str]) -> Exact:
    """How many errors the page of a gateway reported.  details: ``errors``, ``shown`` for each question, ``screenshot`` by name."""
    screenshot.parent.mkdir(parents=True, exist_ok=True)
    shown, errors = visit(base_url.removesuffix("v1"), questions, screenshot)
    details = {"errors": errors, "shown": [asdict(one) for one in shown], "screenshot": screenshot.name}
    return Exact("page_errors", "count", dict(artifacts), {}, details, value=float(len(errors)))


def _shown(card) -> Shown:  # noqa: ANN001 - a Locator; playwright is not there everywhere
    def text(kind: str) -> str:
        return card.locator(kind).first.inner_text() if card.locator(kind).count() else ""

    return Shown(text(".text"), text(".route"), text(".facts"), text(".times"), card.get_attribute("class").split()[-1])


def browser_path() -> str | None:
    """The first browser on the path."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)
