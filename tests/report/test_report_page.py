"""reports/report.html and the trend: whole, self-contained, every verdict in it, and what regressed marked."""

from __future__ import annotations

import copy
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipeline.report import format as fmt
from pipeline.report import run_page, trend
from pipeline.report.figures.style import Picture
from pipeline.report.results import claims
from pipeline.verdict.thresholds import Thresholds, read_thresholds
from tests.report.conftest import HOSTILE, ROOT

PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def thresholds() -> Thresholds:
    return read_thresholds(ROOT / "thresholds.yaml")


class Page(HTMLParser):
    """Tags that are open, and what the page would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [f"{tag} {value}" for name, value in attrs if name in ("src", "href") and not str(value).startswith("data:")]
        self.fetched += [tag] * (tag in ("script", "iframe", "b2"))
        if tag not in ("meta", "link", "img", "line", "path", "circle"):
            self.open.append(tag)
        elif self.get_starttag_text().endswith("/>") and tag == "circle":
            raise AssertionError("a circle has its words inside")

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "path", "circle"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def another(results: dict[str, Any], day: int, wrong: int = 0) -> dict[str, Any]:
    """A later run, in which the merged model has ``wrong`` answers fewer right."""
    made = copy.deepcopy(results)
    made["run"]["host"]["host_class"] = "here"
    made["run"] |= {"id": f"202611{day}T000000Z", "finished": f"2026-11-{day}T00:00:00+00:00"}
    entry = next(one for one in made["claims"] if one["id"] == "accuracy.merged")
    outcomes = entry["measurement"]["outcomes"]
    entry["measurement"]["outcomes"] = [0] * wrong + outcomes[wrong:]
    entry["verdict"]["value"] = sum(entry["measurement"]["outcomes"]) / len(outcomes)
    return made


def test_every_verdict_is_on_a_page_that_is_whole_and_fetches_nothing(hostile: dict[str, Any], tmp_path: Path) -> None:
    (png := tmp_path / "a.png").write_bytes(PNG)
    text = run_page.page(hostile, [Picture("a", HOSTILE, png, png, [])], trend.keep(hostile, tmp_path, None))
    page = Page(text)
    assert page.open == [] and page.fetched == [] and "<b>j</b>" not in text and HOSTILE.split("\n")[0] in page.words
    assert 'src="data:image/png;base64,iVBORw0K"' in text
    for claim in claims(hostile):
        for words in (claim.id, fmt.measured(claim), fmt.interval(claim), fmt.target(claim), claim.sentence, fmt.STATES[claim.state].word):
            assert words in page.words, (claim.id, words)


def test_a_run_that_got_worse_is_marked_against_the_one_before_and_the_next_is_not(
        results: dict[str, Any], tmp_path: Path, thresholds: Thresholds) -> None:
    runs = [trend.keep(another(results, day, wrong), tmp_path, thresholds)[-1] for day, wrong in ((21, 0), (22, 100), (23, 100))]
    assert [run.points["accuracy.merged"].change for run in runs] == ["", "regressed", "unsettled"]  # of other queries: not shown equal
    last = another(results, 23, 100)
    text = run_page.page(last, [], trend.keep(last, tmp_path, thresholds))
    assert text.count('class="dot regressed"') == 1 and "1 regressed</b>" in text and "3 runs of this profile" in text
    assert Page(text).open == []


def test_the_trend_names_the_versions_that_were_measured(results: dict[str, Any], tmp_path: Path) -> None:
    """Of the first and the last of four runs the registry has the model; a model that another was compared with is none of theirs."""
    for day, key in ((21, "1" * 64), (22, "2" * 64), (23, "3" * 64), (24, "3" * 64)):
        made = another(results, day)
        for entry in made["claims"]:
            entry["measurement"]["artifacts"] = {"reference": "0" * 64, "candidate": key}
        runs = trend.keep(made, tmp_path, None)
    assert {run.points["accuracy.merged"].artifacts for run in runs} == {("1" * 64,), ("2" * 64,), ("3" * 64,)}
    text = run_page.page(made, [], runs, {"1" * 64: "intent@1", "3" * 64: "intent@4, <b2>@1", "0" * 64: "compared"})
    page = Page(text)
    figure = next(part for part in text.split("<figure>") if ">accuracy.merged: " in part)
    assert page.open == [] and page.fetched == [] and "compared" not in text
    assert "<span>intent@1 → intent@4, &lt;b2&gt;@1</span>" in figure
    assert [figure.count(f" of {name} (") for name in ("intent@1", "intent@4, &lt;b2&gt;@1")] == [1, 2] and figure.count("<title>") == 4
    assert "intent@" not in run_page.page(made, [], runs)


def test_a_run_joins_its_history_once_and_other_profiles_have_their_own(results: dict[str, Any], tmp_path: Path) -> None:
    for _ in range(3):
        runs = trend.keep(results, tmp_path, None)
    assert len(runs) == 1
    results["run"]["profile"] = "../../elsewhere"
    assert len(trend.keep(results, tmp_path, None)) == 1
    folders = sorted(path.name for path in (tmp_path / trend.FOLDER).iterdir())
    assert len(folders) == 2 and all(path.is_relative_to(tmp_path / trend.FOLDER) for path in tmp_path.rglob("*.json"))


def test_the_history_is_bounded_and_what_is_broken_in_it_is_passed_over(
        results: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trend, "KEPT", 3)
    for day in range(10, 15):
        runs = trend.keep(another(results, day), tmp_path, None)
    folder = trend.folder_of(another(results, 15), tmp_path)
    assert [run.id[6:8] for run in runs] == ["12", "13", "14"] and len(list(folder.iterdir())) == 3
    broken = sorted(folder.iterdir())
    broken[0].write_text("{")
    broken[1].write_text(json.dumps({"id": 1, "points": {"a": {"value": 1}}}))
    point = {"value": 1.0, "lower": None, "upper": None, "state": "pass", "change": "", "artifacts": 5}
    (folder / "worse.json").write_text(json.dumps({"id": "1", "finished": "", "commit": "", "points": {"a": point}, "baseline": None}))
    assert [run.id[6:8] for run in trend.keep(another(results, 15), tmp_path, None)] == ["14", "15"]
