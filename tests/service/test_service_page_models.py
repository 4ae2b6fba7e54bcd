"""The page and the registry: promotion that the gate allows and refuses, roll back, verdicts, lineage and audit."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.measure.page import no_browser
from pipeline.registry import Lineage, open_registry
from pipeline.registry.content import describe
from pipeline.service.app import PREFIX
from tests.models import tiny_model
from tests.registry.conftest import CLAIMS, MODEL_KEY, THRESHOLDS, _claim
from tests.service.browser import browsing, contrasts
from tests.service.conftest import edge_api


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A service over a registry with three versions of `small`, of which the run of the second was red."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "thresholds.yaml").write_text(THRESHOLDS, encoding="utf-8")
    database, model, record = f"sqlite:///{tmp_path / 'registry.db'}", tiny_model(tmp_path / "model"), tmp_path / "results.json"
    registry = open_registry(database, thresholds=tmp_path / "thresholds.yaml")
    for state in ("pass", "fail", "pass"):
        record.write_text(json.dumps(run(state, model)), encoding="utf-8")
        registry.register("small", model, lineage=Lineage(key=MODEL_KEY, kind="onnx-int8", recipe="name: int8\n"), by="ann", record=record)
    with contextlib.chdir(tmp_path), edge_api(tmp_path / "state", "--no-worker", EDGE_REGISTRY_URL=database) as running:
        yield running.url.removesuffix(PREFIX) + "/#models"


def run(state: str, model: Path) -> dict[str, object]:
    """The record of a whole run, green or red."""
    red = [] if state == "pass" else ["small.loss"]
    gate = {"state": "red" if red else "green", "red": red, "failed_tests": {}}
    claims = [_claim(claim, state if claim == "small.loss" else "pass", {"candidate": MODEL_KEY}) for claim in CLAIMS]
    about = {"id": "run1", "profile": "reference", "exit_code": 0, "gate": gate,
             "thresholds_sha256": hashlib.sha256(THRESHOLDS.encode()).hexdigest()}
    return {"version": 1, "run": about, "claims": claims, "artifacts": {MODEL_KEY: {"files": describe(model, "onnx")["files"]}}}


@pytest.mark.skipif(bool(no_browser()), reason=no_browser())
def test_a_version_is_promoted_refused_and_rolled_back(url: str) -> None:
    with browsing(url) as (page, errors):
        def version(number: int):  # noqa: ANN202 - a Locator; playwright is not there everywhere
            return page.locator(f".version[data-version='{number}']")

        def ask(number: int) -> None:
            version(number).get_by_role("button", name="Make champion").click()
            assert page.locator("#confirm-title").inner_text() == f"Make small version {number} the champion?"

        version(3).wait_for()
        ask(1)
        assert page.evaluate("document.activeElement.id") == "confirm-no"  # Enter by mistake changes nothing
        page.keyboard.press("Escape")
        assert page.locator(".badge", has_text="champion").count() == 0
        ask(1)
        page.locator("#confirm-yes").click()
        version(1).locator(".badge", has_text="champion").wait_for()
        assert "small version 1 is champion" in page.locator("#said").inner_text()
        assert "1 fail" in version(2).inner_text() and "2 pass" in version(1).inner_text()
        ask(2)
        page.locator("#confirm-yes").click()
        page.locator("#confirm-trouble", has_text="Refused: ").wait_for()
        assert "small.loss" in page.locator("#confirm-trouble").inner_text()
        assert [one for one in contrasts(page) if one[0] < 4.5] == []
        page.get_by_role("button", name="Close").click()
        ask(3)
        assert "It takes the place of version 1" in page.locator("#confirm-text").inner_text()
        page.locator("#confirm-yes").click()
        version(3).locator(".badge", has_text="champion").wait_for()
        page.get_by_role("button", name="Roll back champion").click()
        page.locator("#confirm-yes").click()
        version(1).locator(".badge", has_text="champion").wait_for()
        version(2).get_by_text("Verdicts and lineage").click()
        assert version(2).locator("tbody tr").all_inner_texts()[0].split() == ["small.loss", "0.001", "✕", "fail"]
        assert "onnx-int8" in version(2).locator("dl").inner_text() and "name: int8" in version(2).locator("pre").inner_text()
        page.get_by_text("Audit: who did what").click()
        page.locator("tbody tr", has_text="rollback").wait_for()
        told = [line.split("\t")[1:] for line in page.locator(".model > details tbody tr").all_inner_texts()]
        assert told == [["local", "rollback", "1", "champion"], ["local", "promote", "3", "champion"],
                        ["local", "promote", "1", "champion"], *(["ann", "add", str(number), ""] for number in (3, 2, 1))]
        assert all("409" in error for error in errors)  # the browser's own line on what was refused
