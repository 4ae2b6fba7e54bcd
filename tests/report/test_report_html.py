"""Allure's page, its history over runs, and its own quality gate on the figures of a run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import EdgeError
from pipeline.report import allure, allurerc, html, metrics
from pipeline.report.results import claims

PAGE = """while [ "$1" != --output ]; do shift; done; mkdir -p "$2"; echo '<p>1</p>%s<p>2</p>' > "$2/index.html" """
TRACKER = '<script async src="https://www.googletagmanager.com/gtag/js?id=G-X"></script>'


@pytest.fixture
def reports(tmp_path: Path, results: dict[str, Any]) -> Path:
    """A folder as `edge report` leaves it, as far as Allure goes."""
    folder = tmp_path / "reports"
    fill(folder, results)
    return folder


def fill(folder: Path, results: dict[str, Any]) -> None:
    allure.render(results, folder / "allure-results")
    (folder / allurerc.FILE).write_text(json.dumps(allurerc.config(results)), encoding="utf-8")


def history(folder: Path) -> Path:
    return folder / json.loads((folder / allurerc.FILE).read_text())["historyPath"]


def points(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in history(folder).read_text().splitlines()]


@pytest.fixture
def fake_npx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def write(script: str) -> None:
        npx = tmp_path / "bin" / "npx"
        npx.parent.mkdir()
        npx.write_text(f"#!/bin/sh\n{script}\n")
        npx.chmod(0o755)
        monkeypatch.setenv("PATH", f"{npx.parent}:/usr/bin:/bin")
    return write


def real(call: Any) -> Any:
    """What a call of the real `allure` gives; the test is skipped where npm or its registry is out of reach."""
    if note := html.node_note():
        pytest.skip(note)
    try:
        return call()
    except EdgeError as error:
        if "network" in str(error):
            pytest.skip(str(error))
        raise


def quality_gate(reports: Path) -> tuple[int, str]:
    """Exit code and words of Allure's gate, which needs Node.js 22 where its page needs 20."""
    gate = ["npx", "--yes", "--package", "node@22", "--package", html.ALLURE, "allure", "quality-gate", "--config", allurerc.FILE,
            "allure-results"]
    done = subprocess.run(gate, cwd=reports, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
    if "npm error" in done.stderr:
        raise EdgeError(f"no network to npm: {done.stderr}")
    return done.returncode, done.stdout + done.stderr


def test_without_node_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "Node.js" in html.node_note()
    with pytest.raises(EdgeError, match="expected npx, found none"):
        html.render(tmp_path)


@pytest.mark.parametrize(("script", "word"), [
    ("echo no network >&2; exit 7", "ended with 7: no network"), ("exit 0", "expected allure@"), ("exec sleep 30", "did not"),
])
def test_a_failed_generator_is_one_line_and_keeps_the_old_page(reports: Path, fake_npx: Any, script: str, word: str) -> None:
    fake_npx(script)
    (reports / "html").mkdir()
    (reports / "html" / "index.html").write_text("old")
    with pytest.raises(EdgeError) as caught:
        html.render(reports, timeout_s=2)
    assert word in str(caught.value) and "\n" not in str(caught.value)
    assert (reports / "html" / "index.html").read_text() == "old"


def test_the_page_asks_no_server_for_anything(reports: Path, fake_npx: Any) -> None:
    fake_npx(PAGE % TRACKER)
    assert html.render(reports).read_text() == "<p>1</p><p>2</p>\n"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "x"}'])
def test_a_configuration_of_no_use_is_one_line(reports: Path, fake_npx: Any, content: str) -> None:
    fake_npx("exit 0")
    (reports / allurerc.FILE).write_text(content)
    with pytest.raises(EdgeError, match="run `edge report` again"):
        html.render(reports)


def test_a_broken_history_loses_its_broken_lines_alone(reports: Path, fake_npx: Any) -> None:
    fake_npx(PAGE % "")
    history(reports).parent.mkdir()
    history(reports).write_bytes(b'{"name": "run a"}\n{"na\n\xff\n[1]\n\n{"name": "run b"}\n')
    html.render(reports)
    assert [point["name"] for point in points(reports)] == ["run a", "run b"]


def test_profiles_and_hosts_have_histories_of_their_own(results: dict[str, Any]) -> None:
    def path(profile: str, host: str) -> str:
        results["run"] |= {"profile": profile, "host": {"host_class": host}}
        return allurerc.config(results)["historyPath"]

    paths = [path("reference", "linux"), path("reference", "m4"), path("qwen", "m4")]
    assert len(set(paths)) == 3
    assert path("../../etc/x", "/a b").count("/") == 1


@pytest.mark.slow
def test_the_real_page_is_one_file_and_shows_the_runs_before(reports: Path, results: dict[str, Any]) -> None:
    """Three runs with different figures, the last rendered twice: three points, and the page holds the figures of them all."""
    for run, accuracy in (("r1", 0.917), ("r2", 0.923), ("r3", 0.931), ("r3", 0.931)):
        results["run"]["id"] = run
        entry = next(entry for entry in results["claims"] if entry["id"] == "accuracy.merged")
        entry["verdict"]["value"] = accuracy
        fill(reports, results)
        page = real(lambda: html.render(reports, timeout_s=120))
    assert [point["metrics"]["accuracy.merged"] for point in points(reports)] == [91.7, 92.3, 93.1]
    text = page.read_text(encoding="utf-8")
    assert [path.name for path in (reports / "html").iterdir()] == ["index.html"]
    assert len(text) > 500_000 and "googletagmanager.com/gtag" not in text and "widgets/metrics.json" in text
    assert {path.name for path in reports.iterdir()} == {"allure-results", "html", "history", allurerc.FILE}


@pytest.mark.slow
def test_the_real_history_keeps_the_last_fifty(reports: Path) -> None:
    history(reports).parent.mkdir()
    point = {"uuid": "u", "timestamp": 1, "knownTestCaseIds": [], "testResults": {}, "metrics": {}, "url": ""}
    history(reports).write_text("".join(json.dumps(point | {"name": f"run {n}"}) + "\n" for n in range(70)))
    real(lambda: html.render(reports, timeout_s=120))
    assert len(points(reports)) == allurerc.RUNS_KEPT and points(reports)[0]["name"] == "run 21"


def test_every_figure_that_counts_is_one_sample(results: dict[str, Any]) -> None:
    samples = {sample["key"]: sample for sample in metrics.samples(results)}
    assert len(samples) == len(metrics.samples(results)) == len({sample["id"] for sample in samples.values()})
    for claim in claims(results):
        if claim.state in ("invalid", "not_measured"):
            assert not [key for key in samples if key.startswith(claim.id)]
        else:
            scale = 100 if claim.unit in ("proportion", "points") else 1
            assert samples[claim.id]["value"] == pytest.approx(claim.value * scale)
            assert samples[claim.id]["better"] == ("higher" if claim.comparison == ">" else "lower")
    assert {"accuracy.merged.lower", "accuracy.merged.upper"} <= set(samples) and "data.valid.lower" not in samples


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "passes"), [("none", True), ("bound", False), ("missing", False)])
def test_allures_own_gate_holds_the_bounds_against_the_targets(reports: Path, results: dict[str, Any], fault: str, passes: bool) -> None:
    """Healthy: what passed.  bound: the value reaches its target, its bound does not.  missing: a figure that is not there."""
    results["claims"] = [entry for entry in results["claims"] if entry["verdict"]["state"] == "pass"]
    fill(reports, results)
    path = reports / "allure-results" / metrics.FILE
    samples = json.loads(path.read_text())
    target, = (sample for sample in samples if sample["key"] == "accuracy.merged.lower")
    if fault == "bound":
        target["value"] = 89.9
    path.write_text(json.dumps([sample for sample in samples if fault != "missing" or sample is not target]))
    code, said = real(lambda: quality_gate(reports))
    assert code == (0 if passes else 1), said
    assert not history(reports).exists()
    assert passes or ("1 quality gate rules have been failed" in said and ("lower bound" in said or "accuracy.merged.lower" in said))
