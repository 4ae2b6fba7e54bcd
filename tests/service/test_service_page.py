"""The page of the service: it stands alone, and in a browser it does what the routes do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.measure.page import no_browser
from pipeline.service.app import PAGE, PREFIX
from tests.service.browser import NARROW, browsing, contrasts, overflow
from tests.service.conftest import Running, edge_api

HOSTILE = "<img src=x onerror=alert(1)>"
VIEWS = {"jobs": "#fields select", "models": ".model, #model-empty:not([hidden])", "searches": ".point"}
AXES = [{"name": "compression.accuracy_loss", "unit": "points", "direction": "minimize", "target": 0.02},
        {"name": "compression.size", "unit": "MB", "direction": "minimize", "target": 4.0}]
TRIALS = [(0, 0.001, 3.6, "front"), (1, 0.012, 1.5, "front"), (2, 0.015, 3.0, "behind"), (3, 0.06, 0.9, "missed"), (4, 0.004, 2.2, "knee")]
in_a_browser = pytest.mark.skipif(bool(no_browser()), reason=no_browser())


def front(**changed: Any) -> dict[str, Any]:
    points = [{"trial": trial, "recipe": f"name: t\nsays: found\nsteps:\n- depth:\n    layers: {trial + 2}\n- int8: null\n",
               "values": {AXES[0]["name"]: loss, AXES[1]["name"]: size}, "feasible": kind != "missed",
               "on_front": kind in {"front", "knee"},
               "key": f"{trial:064x}"} for trial, loss, size, kind in TRIALS]
    return {"study": "small", "profile": "reference", "objectives": AXES, "points": points, "trials": 6, "seconds": 61.5,
            "knee": {"trial": 4, "reason": "less of either costs much of the other"}, **changed}


@pytest.fixture(scope="module")
def server(stored: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With its worker, one job at a time, and two searches, one of which somebody filled with markup."""
    state = tmp_path_factory.mktemp("page")
    hostile = front(study="hostile", profile=HOSTILE, knee={"trial": 4, "reason": HOSTILE})
    for point in hostile["points"]:
        point["recipe"] = point["key"] = HOSTILE
    for name, content in (("small", front()), ("hostile", hostile)):
        folder = state / "reports" / "search" / name
        folder.mkdir(parents=True)
        (folder / "front.json").write_text(json.dumps(content), encoding="utf-8")
    with edge_api(state, EDGE_STORE=stored, MAX_COMPRESSION_JOBS=1, EDGE_API_REPORTS=state / "reports",
                  EDGE_REGISTRY_URL=f"sqlite:///{state / 'registry.db'}") as running:
        yield running


@pytest.fixture
def url(server: Running) -> str:
    return server.url.removesuffix(PREFIX) + "/"


def test_the_page_stands_alone_and_may_do_little() -> None:
    texts = {file.name: file.read_text(encoding="utf-8") for file in PAGE.iterdir()}
    for name, text in texts.items():
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), name
        assert not re.search(r"(?:src|href|import|url\()[\s=(\"']+(?:https?:)?//", text), name
    assert " style=" not in texts["index.html"] and not re.search(r"\son\w+=", texts["index.html"])
    assert re.findall(r"<script(.*?)>(.*?)</script>", texts["index.html"]) == [(' src="theme.js"', ""), (' type="module" src="app.js"', "")]
    assert (PAGE.parents[2] / "docs" / "service_page.png").stat().st_size < 200_000
    used = set(re.findall(r"find\(\"([\w-]+)\"\)", "".join(texts.values())))
    assert used <= set(re.findall(r"id=\"([\w-]+)\"", texts["index.html"]))


@in_a_browser
def test_a_job_is_sent_progresses_and_ends_and_waiting_ones_can_be_cancelled(server: Running, url: str) -> None:
    with browsing(url) as (page, errors):
        page.get_by_role("combobox", name="recipe", exact=True).select_option("int8")
        page.get_by_role("button", name="Start job").click()
        first = page.locator(".job").first
        page.locator(".job[data-state=running] progress").wait_for()
        assert re.search(r"\d+ % · \w+", page.locator(".job[data-state=running] .step").inner_text())
        page.get_by_text("Prune").click()
        page.get_by_role("combobox", name="technique", exact=True).select_option("channels")
        page.get_by_role("spinbutton", name="keep", exact=True).fill("0.5")
        page.get_by_role("button", name="Start job").click()
        waiting = page.locator(".job[data-state=queued]")
        waiting.wait_for()
        assert "channels" in waiting.inner_text() and "waits for a worker" in waiting.inner_text()
        waiting.get_by_role("button", name="Cancel").click()
        page.locator(".job[data-state=cancelled]").wait_for()
        page.locator(".job[data-state=succeeded]").wait_for()
        jobs = server.get("/jobs")["jobs"]
        assert [job["state"] for job in jobs] == ["cancelled", "succeeded"]
        assert jobs[0]["request"]["steps"] == [{"technique": "channels", "settings": {"keep": 0.5}}]
        done = page.locator(".job[data-state=succeeded]")
        assert jobs[1]["result"][:12] in done.inner_text() and not done.get_by_role("button", name="Cancel").is_visible()
        assert first.count() == 1 and errors == []


@in_a_browser
def test_a_running_job_is_cancelled_and_told_aloud(server: Running, url: str) -> None:
    with browsing(url) as (page, errors):
        page.get_by_text("Distil", exact=True).click()
        page.get_by_role("spinbutton", name="epochs", exact=True).fill("500")
        page.get_by_role("button", name="Start job").click()
        job = page.locator(".job", has=page.locator(".kind", has_text="distill"))
        job.locator(".badge", has_text="running").wait_for()
        job.get_by_role("button", name="Cancel").click()
        job.locator(".badge", has_text="cancelled").wait_for()
        assert server.get("/jobs")["jobs"][0]["state"] == "cancelled"
        assert "cancelled" in page.locator("#said").inner_text() and errors == []


@in_a_browser
def test_a_mistake_in_the_form_is_told_beside_it(server: Running, url: str) -> None:
    before = len(server.get("/jobs")["jobs"])
    with browsing(url) as (page, _):
        page.get_by_role("combobox", name="How", exact=True).select_option("weights alone")
        page.get_by_role("button", name="Start job").click()
        assert page.locator("#submit-trouble").inner_text().startswith("model directory:")
        page.get_by_role("textbox", name="model directory").fill("../../etc")
        page.get_by_role("button", name="Start job").click()
        page.locator("#submit-trouble", has_text="expected a model directory below one of the model roots").wait_for()
    assert len(server.get("/jobs")["jobs"]) == before


@in_a_browser
def test_each_trial_of_a_front_is_told_by_mouse_and_keyboard(url: str) -> None:
    with browsing(f"{url}#searches/small") as (page, errors):
        page.locator(".point").first.wait_for()
        assert "less of either costs much of the other" in page.locator(".knee-says").inner_text()
        assert page.locator(".point").count() == len(TRIALS) and page.locator("path.knee").count() == 2  # the other in the legend
        assert page.locator(".shade").count() == 3 and "< 4 MB" in page.locator(".chart").inner_text()
        page.locator("[data-trial='1'] .front").hover()
        tip = page.locator("#tip")
        assert tip.inner_text().split("\n")[:3] == ["Trial 1 on the front", "accuracy loss 1.2 points", "size 1.5 MB"]
        assert "depth layers 3, int8" in tip.inner_text()
        page.mouse.move(1, 1)
        assert tip.is_hidden()
        page.locator("#searches select").last.focus()
        told = []
        page.keyboard.press("Tab")  # to the knee
        for key in ("ArrowLeft", "Home", "End", "ArrowRight"):
            told.append(tip.locator("b").inner_text())
            page.keyboard.press(key)
        assert told == ["Trial 4", "Trial 1", "Trial 3", "Trial 0"]
        page.keyboard.press("Enter")
        assert "Trial 0" in page.locator("#chosen h3").inner_text() and "layers: 2" in page.locator("#chosen pre").inner_text()
        page.keyboard.press("Escape")
        assert tip.is_hidden() and errors == []
        assert [row.split("\t")[0] for row in page.locator("#search tbody tr").all_inner_texts()] == ["0", "4 ◆ knee", "1"]


@in_a_browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_text_can_be_read_in_both_themes_and_fits_a_narrow_screen(url: str, dark: bool) -> None:
    with browsing(url, NARROW, dark) as (page, errors):
        for view, there in VIEWS.items():
            page.goto(f"{url}#{view}")
            page.locator(there).first.wait_for()
            found = contrasts(page)
            assert len(found) > 5 and [one for one in found if one[0] < 4.5] == [], view
            assert overflow(page) <= 0, view
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.get_by_role("button", name="Change to the").click()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != ground
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") == ("light" if dark else "dark") and errors == []


@in_a_browser
def test_without_a_mouse_one_can_go_everywhere_and_sees_where_one_is(url: str) -> None:
    with browsing(url) as (page, _):
        page.locator(VIEWS["jobs"]).first.wait_for()
        seen = []
        for _ in range(12):
            page.keyboard.press("Tab")
            here, outline = page.evaluate("""() => {
              const here = document.activeElement;
              return [here.innerText || here.value || here.tagName,
                getComputedStyle(here.name === "kind" ? here.nextSibling : here).outlineStyle];
            }""")
            assert outline not in ("none", ""), here
            seen.append(here.split("\n")[0])
        assert seen[:7] == ["Skip to content", "Jobs", "Models", "Searches", "Token", "Dark", "quantize"]
        page.keyboard.press("Shift+Tab")
        page.locator("nav a").nth(2).focus()
        page.keyboard.press("Enter")
        page.locator(VIEWS["searches"]).first.wait_for()
        assert page.locator("[aria-current=page]").inner_text() == "Searches"


def answered(data: Any, route: Any) -> None:
    route.fulfill(json={"status": "success", "data": data, "message": HOSTILE})


@in_a_browser
def test_what_comes_from_outside_is_text(url: str) -> None:
    version = {"name": HOSTILE, "version": 1, "aliases": [HOSTILE], "key": HOSTILE, "created": HOSTILE,
               "lineage": {"profile": HOSTILE, "recipe": HOSTILE, HOSTILE: HOSTILE, "verdicts": {HOSTILE: HOSTILE}, "metrics": {}}}
    job = {**dict.fromkeys(["id", "kind", "step", "created_at", "by", "error", "log", "result", "name"], HOSTILE), "state": "failed",
           "progress": 1, "started_at": None, "finished_at": None, "version": 1, "request": {HOSTILE: HOSTILE}, "artifacts": []}
    with browsing(url) as (page, errors):
        for path, data in (("**/models", [{"name": HOSTILE, "versions": [version]}]), ("**/jobs?*", {"jobs": [job], "cursor": None})):
            page.route(path, partial(answered, data))
        for view, place in (("models", ".model h3"), ("searches/hostile", ".knee-says"), ("jobs", ".job h3")):
            page.goto(f"{url}#{view}")
            page.locator(place, has_text=HOSTILE).wait_for()
        page.goto(f"{url}#searches/{HOSTILE}")
        page.locator(".point").first.hover()
        assert page.locator("img").count() == 0 and errors == []


@in_a_browser
def test_the_token_is_asked_for_once_and_kept_in_this_tab_alone(stored: Path, tmp_path: Path) -> None:
    from pipeline.service.tokens import Tokens
    token = Tokens(tmp_path / "tokens.json").add("ana", ["read"])
    with edge_api(tmp_path, "--no-worker", EDGE_STORE=stored) as running, browsing(running.url.removesuffix(PREFIX)) as (page, _):
        page.locator("#token-dialog[open]").wait_for()
        assert "expected a token of this service" in page.locator("#trouble").inner_text()
        page.get_by_role("textbox", name="Token").fill(token)
        page.keyboard.press("Enter")
        page.get_by_text("No job yet").wait_for()
        page.reload()
        page.get_by_text("No job yet").wait_for()
        page.get_by_role("button", name="Start job").click()
        page.locator("#submit-trouble", has_text="scope submit").wait_for()
        assert token not in page.url + page.content() and page.evaluate("Object.values(localStorage)") == []
        page.get_by_role("button", name="Token").click()
        page.get_by_role("button", name="Forget").click()
        page.locator("#token-dialog[open]").wait_for()
        assert page.evaluate("sessionStorage.length") == 0


@in_a_browser
def test_a_service_that_is_gone_is_told_and_found_again(stored: Path, tmp_path: Path) -> None:
    with edge_api(tmp_path, "--no-worker", EDGE_STORE=stored) as running, browsing(running.url.removesuffix(PREFIX)) as (page, _):
        page.locator("#health", has_text="no worker").wait_for()
        page.context.set_offline(True)
        page.locator("#trouble", has_text="the service does not answer").wait_for()
        page.context.set_offline(False)
        page.locator("#trouble").wait_for(state="hidden")


def test_the_page_is_served_with_its_policy(server: Running, url: str) -> None:
    answer = httpx.get(url, trust_env=False)
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200 and "default-src 'none'" in policy and "unsafe" not in policy
    for file in PAGE.iterdir():
        assert httpx.get(url + file.name, trust_env=False).text == file.read_text(encoding="utf-8")
