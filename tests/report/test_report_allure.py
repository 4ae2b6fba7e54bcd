"""Allure results: valid, whole, replaced at once."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import EdgeError
from pipeline.report import allure, metrics
from pipeline.report import format as fmt
from pipeline.report.figures.style import Picture
from pipeline.report.results import claims


@pytest.fixture
def pictures(tmp_path: Path) -> list[Picture]:
    (tmp_path / "latency.png").write_bytes(b"\x89PNG")
    return [Picture("latency", "单次决策延迟分布", tmp_path / "latency.png", tmp_path / "latency.pdf", ["latency.p50", "latency.p95"])]


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*-result.json")]
    return {result["fullName"]: result for result in found}


def test_one_valid_result_a_claim(tmp_path: Path, results: dict[str, Any], pictures: list[Picture]) -> None:
    folder = allure.render(results, tmp_path / "allure-results", pictures)
    found = _read(folder)
    sources = []
    for claim in claims(results):
        result = found.pop(claim.id)
        assert uuid.UUID(result["uuid"]) and result["stop"] >= result["start"] > 1.7e12
        assert result["status"] == {"pass": "passed", "fail": "failed", "inconclusive": "failed", "invalid": "broken",
                                    "not_measured": "skipped"}[claim.state]
        labels = {label["name"]: label["value"] for label in result["labels"]}
        assert (labels["epic"], labels["feature"], labels["story"]) == (allure.EPIC, claim.phase, claim.metric)
        assert labels["profile"] == "reference" and "EPYC" in labels["host"]
        shown = {item["name"]: item["value"] for item in result["parameters"]}
        assert shown["target"] == fmt.target(claim) and shown["measured"] == fmt.measured(claim)
        assert shown["interval"] == fmt.interval(claim) and shown["n"] == fmt.count(claim.n)
        assert (claim.message in result["statusDetails"]["message"]) if claim.state != "pass" else "statusDetails" not in result
        sources += [item["source"] for item in result["attachments"]]
    assert not found
    for name in (folder / "categories.json", folder / "environment.properties"):
        assert name.stat().st_size
    globals_file, = folder.glob("*-globals.json")
    sources += [item["source"] for item in json.loads(globals_file.read_text())["attachments"]]
    assert all((folder / source).stat().st_size for source in sources)
    known = {*sources, globals_file.name, "categories.json", "environment.properties", metrics.FILE}
    assert {path.name for path in folder.iterdir() if not path.name.endswith("-result.json")} == known


def test_samples_manifests_and_figures_are_attached(tmp_path: Path, results: dict[str, Any], pictures: list[Picture]) -> None:
    result = _read(allure.render(results, tmp_path / "allure-results", pictures))["latency.p95"]
    attached = {item["name"]: tmp_path / "allure-results" / item["source"] for item in result["attachments"]}
    assert set(attached) == {"单次决策延迟分布", "measurement.json", "samples.csv", "manifest of model (onnx-int8)",
                             "manifest of decision (decision)"}
    rows = attached["samples.csv"].read_text().splitlines()
    assert rows[0] == "item,values" and len(rows) == 401
    assert json.loads(attached["manifest of model (onnx-int8)"].read_text())["role"] == "onnx-int8"


def test_every_red_result_falls_into_its_own_category(tmp_path: Path, hostile: dict[str, Any]) -> None:
    """Also when the message holds line breaks: the regular expressions are JavaScript's, so no flags."""
    found = _read(allure.render(hostile, tmp_path / "allure-results"))
    names = {"fail": "Below target", "inconclusive": "Inconclusive", "invalid": "Invalid conditions",
             "not_measured": "Not measured on this host"}
    for claim in claims(hostile):
        result = found[claim.id]
        text = result.get("statusDetails", {}).get("message", "")
        hits = [item["name"] for item in allure.CATEGORIES
                if result["status"] in item["matchedStatuses"] and re.search(item["messageRegex"], text)]
        assert hits == ([names[claim.state]] if claim.state != "pass" else [])


def test_a_claim_keeps_its_history_id_and_profiles_have_their_own(tmp_path: Path, results: dict[str, Any]) -> None:
    def ids(name: str) -> dict[str, str]:
        return {key: result["historyId"] for key, result in _read(allure.render(results, tmp_path / name)).items()}

    first = ids("one")
    results["claims"][0]["verdict"]["value"] = 7
    assert ids("two") == first and len(set(first.values())) == len(first)
    results["run"]["profile"] = "qwen3-0.6b"
    assert not set(ids("three").values()) & set(first.values())


def test_leftovers_of_an_earlier_run_go_and_a_failure_keeps_them(tmp_path: Path, results: dict[str, Any], pictures: list[Picture]) -> None:
    folder = allure.render(results, tmp_path / "allure-results")
    (folder / "stale-result.json").write_text("{}")
    before = {path.name for path in folder.iterdir()}
    with pytest.raises(EdgeError, match="Allure results"):
        missing = Picture("gone", "", tmp_path / "gone.png", tmp_path / "gone.pdf", ["accuracy.int8"])
        allure.render(results, folder, [missing])
    assert {path.name for path in folder.iterdir()} == before
    allure.render(results, folder)
    assert not (folder / "stale-result.json").exists() and [p.name for p in tmp_path.glob(".*")] == []


def test_hostile_text_stays_one_property_a_line(tmp_path: Path, hostile: dict[str, Any]) -> None:
    hostile["run"]["libraries"] = {"a b=c:d\ne": "1\n2"}
    folder = allure.render(hostile, tmp_path / "allure-results")
    lines = (folder / "environment.properties").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[^\s=:]+ = .*", line) for line in lines) and len(lines) == len(allure.environment(hostile))
