"""The page of the service in a real browser, and how well one can read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.measure.page import browser_path

WIDE, NARROW = (1180, 820), (360, 740)
PATIENCE = 30_000  # ms
CONTRAST = """() => {
  const parse = text => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const over = ([r, g, b, a = 1], below) => [r, g, b].map((part, place) => part * a + below[place] * (1 - a));
  const ground = element => {
    if (!element) return [255, 255, 255];
    const colour = parse(getComputedStyle(element).backgroundColor);
    return colour[3] === 0 ? ground(element.parentElement) : colour.length === 3 ? colour : over(colour, ground(element.parentElement));
  };
  const light = colour => {
    const [r, g, b] = colour.map(part => part / 255).map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const said = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    const typed = element.matches("input[placeholder]") && !element.value;
    if (!(said || typed) || !element.checkVisibility() || element.closest(".unseen, .skip, :disabled, option, noscript")) continue;
    const style = getComputedStyle(element, typed ? "::placeholder" : null);
    const below = ground(element), ink = over(parse(element.namespaceURI.endsWith("svg") ? style.fill : style.color), below);
    const [one, other] = [light(ink), light(below)].sort((a, b) => b - a);
    const text = element.textContent.trim().slice(0, 40) || element.placeholder;
    found.push([(one + 0.05) / (other + 0.05), text, element.className?.baseVal ?? element.className]);
  }
  return found;
}"""


@contextmanager
def browsing(url: str, size: tuple[int, int] = WIDE, dark: bool = False) -> Iterator[tuple[Any, list[str]]]:
    """A page at ``url``, and every error that its scripts and its policy report; a dialog of a script's is one."""
    from playwright.sync_api import sync_playwright
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path())
        page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light")
        page.set_default_timeout(PATIENCE)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: (errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
        page.goto(url)
        try:
            yield page, errors
        finally:
            browser.close()


def contrasts(page: Any) -> list[tuple[float, str, str]]:
    """(WCAG contrast with its ground, its beginning, its class) of each text that can be seen."""
    return [tuple(one) for one in page.evaluate(CONTRAST)]


def overflow(page: Any) -> int:
    """CSS pixels by which the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))
