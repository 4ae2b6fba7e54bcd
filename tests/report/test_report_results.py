"""The record on disk, and how its numbers are written."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import EdgeError
from pipeline.report import format as fmt
from pipeline.report import render_all
from pipeline.report.results import STATES, Claim, claims, read_results, write_results


@pytest.fixture
def claim(results: dict[str, Any]) -> Claim:
    return next(claim for claim in claims(results) if claim.id == "accuracy.merged")


def test_what_is_written_is_read_again(tmp_path: Path, results: dict[str, Any]) -> None:
    results["claims"][0]["measurement"]["details"] = {"numpy": np.arange(3), "share": np.float32(0.5), "bad": float("nan")}
    write_results(tmp_path / "deep" / "results.json", results)
    found = read_results(tmp_path / "deep" / "results.json")
    assert found["claims"][0]["measurement"]["details"] == {"numpy": [0, 1, 2], "share": 0.5, "bad": None}
    assert found["run"] == results["run"] and [path.name for path in (tmp_path / "deep").iterdir()] == ["results.json"]


def _without(results: dict[str, Any], *path: Any) -> str:
    place: Any = results
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return json.dumps(results)


@pytest.mark.parametrize(("spoil", "word"), [
    (lambda r: "", "empty"),
    (lambda r: " \n", "empty"),
    (lambda r: json.dumps(r)[:5000], "broken"),
    (lambda r: "[1, 2]", "list"),
    (lambda r: json.dumps({**r, "version": 2}), "version 2"),
    (lambda r: _without(r, "version"), "version none"),
    (lambda r: _without(r, "claims"), "claims"),
    (lambda r: _without(r, "claims", 3, "verdict"), "claim 4"),
    (lambda r: _without(r, "claims", 0, "target"), "target"),
    (lambda r: json.dumps(r).replace('"state": "inconclusive"', '"state": "maybe"'), "maybe"),
    (lambda r: json.dumps(r).replace('"duration_s": 0.4', '"regression": {"state": "perhaps"}', 1), "perhaps"),
    (lambda r: json.dumps(r).replace('"duration_s": 0.4', '"regression": 1', 1), "claim 1"),
    (lambda r: json.dumps({**r, "run": {**r["run"], "baseline": "main"}}), "'main'"),
    (lambda r: "[" * 100_000, "broken"),
], ids=["empty", "blank", "truncated", "a list", "foreign version", "no version", "no claims", "no verdict", "no target", "state",
        "regression", "regression text", "baseline", "deep"])
def test_a_broken_record_is_one_line_that_names_the_file(tmp_path: Path, results: dict[str, Any], spoil: Any, word: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(spoil(results), encoding="utf-8")
    with pytest.raises(EdgeError) as caught:
        render_all(path, tmp_path)
    assert str(path) in str(caught.value) and word in str(caught.value) and "\n" not in str(caught.value)
    assert [found.name for found in tmp_path.iterdir()] == ["results.json"]


def test_a_missing_or_binary_record_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="found none"):
        read_results(tmp_path / "results.json")
    (tmp_path / "results.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EdgeError, match="readable"):
        read_results(tmp_path / "results.json")


def test_a_failed_write_keeps_the_old_record(tmp_path: Path, results: dict[str, Any]) -> None:
    path = tmp_path / "results.json"
    write_results(path, results)
    before = path.read_bytes()
    for bad in ({**results, "version": 9}, {**results, "training": object()}):
        with pytest.raises(EdgeError):
            write_results(path, bad)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, results: dict[str, Any]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgeError, match="expected to write"):
        write_results(tmp_path / "file" / "results.json", results)


def test_the_fabricated_record_has_all_states(results: dict[str, Any]) -> None:
    assert {claim.state for claim in claims(results)} == set(STATES)


@pytest.mark.parametrize(("figure", "unit", "text"), [
    (0.913, "proportion", "91.3 %"), (0.012, "points", "1.2 points"), (43.14, "ms", "43.1 ms"), (12.34, "MB", "12.3 MB"),
    (71680, "count", "71,680"), (2.314, "ratio", "2.31x"), (0.43, "ms", "0.43 ms"), (1.0, "proportion", "100 %"),
    (0.99987, "proportion", "99.99 %"), (0.0, "points", "0 points"), (None, "ms", "-"), (1234.5, "mW", "1,234.5 mW"),
])
def test_a_value_is_written_by_its_unit(figure: float | None, unit: str, text: str) -> None:
    assert fmt.value(figure, unit) == text


def test_targets_and_intervals(claim: Claim) -> None:
    assert fmt.target(replace(claim, target=0.9, comparison=">")) == "> 90 %"
    assert fmt.target(replace(claim, target=0.9999)) == "> 99.99 %"
    assert fmt.target(replace(claim, unit="count", target=5e6, comparison="<")) == "< 5,000,000"
    assert fmt.interval(replace(claim, lower=0.902, upper=1.0)) == "[90.2, 100] %"
    assert fmt.interval(replace(claim, unit="ms", lower=None, upper=43.06)) == "≤ 43.1 ms"
    assert fmt.interval(replace(claim, unit="ms", lower=3.0, upper=None)) == "≥ 3.0 ms"
    assert fmt.interval(replace(claim, lower=None, upper=None)) == "-"
    assert fmt.margin(replace(claim, margin=-0.0131)) == "-1.3 points"
    assert fmt.measured(replace(claim, unit="ms", value=6.12, state="not_measured", indicative=True)) == "≈ 6.1 ms (indicative)"


@pytest.mark.parametrize(("figure", "text"), [
    (1.049e-05, "1.05 × 10⁻⁵"), (9.999e-10, "1.00 × 10⁻⁹"), (0.3233, "0.323"), (0.001, "0.00100"), (12.0, "12.0"), (0.0, "0"), (None, "-"),
])
def test_a_small_figure_is_written_with_a_power_of_ten(figure: float | None, text: str) -> None:
    assert fmt.scientific(figure) == text


@pytest.mark.parametrize(("p", "text"), [(1.0, "1.000"), (0.0301, "0.030"), (0.001, "0.001"), (2.7e-137, "< 0.001"), (0.0, "< 0.001"),
                                         (None, "-")])
def test_a_p_value_is_never_0(p: float | None, text: str) -> None:
    assert fmt.p_value(p) == text


@given(st.floats(0, 1))
def test_only_all_is_100_and_only_none_is_0(share: float) -> None:
    shown = float(fmt.number(share, "proportion"))
    assert abs(shown - share * 100) <= 0.051
    # Four decimals of a percent are the finest that is shown.
    if 1e-6 < share < 1 - 1e-6:
        assert 0 < shown < 100


@given(st.floats(-1, 1), st.sampled_from(["proportion", "points"]))
def test_a_margin_keeps_its_sign(margin: float, unit: str) -> None:
    entry = Claim(*[""] * 6, unit, "proportion", None, ">", 0.5, 0.95, "pass", *[None] * 3, 1, margin, None, None, "", False, {}, "", 0.0)
    text = fmt.margin(entry)
    assert re.fullmatch(r"[+-]\d+(\.\d+)? points", text)
    assert text.startswith("-") == (margin < 0)
