"""junit.xml: read back, it says what the record says."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from pipeline.report import junit
from pipeline.report.results import claims
from tests.report.conftest import moved

OUTCOMES = {"pass": None, "fail": "failure", "inconclusive": "failure", "invalid": "error", "not_measured": "skipped"}


def read(results: dict[str, Any]) -> ET.Element:
    suite, = ET.fromstring(junit.render(results))
    return suite


def outcome(case: ET.Element) -> str | None:
    return case[0].tag if len(case) else None


def test_one_case_a_claim_with_its_outcome(results: dict[str, Any]) -> None:
    found = {case.get("name"): case for case in read(results).iter("testcase")}
    assert list(found) == [claim.id for claim in claims(results)]
    for claim in claims(results):
        assert outcome(found[claim.id]) == OUTCOMES[claim.state]
        if claim.state != "pass":
            assert claim.sentence in found[claim.id][0].get("message")


@pytest.mark.parametrize(("state", "expected"), [("regressed", "failure"), ("stopped", "failure"), ("unsettled", None), ("improved", None)])
def test_a_claim_that_reaches_its_target_fails_when_it_regressed(results: dict[str, Any], state: str, expected: str | None) -> None:
    moved(results, "accuracy.merged", state)
    case, = (case for case in read(results).iter("testcase") if case.get("name") == "accuracy.merged")
    assert outcome(case) == expected
    if expected:
        assert "+3.4 points" in case[0].get("message")


def test_failed_tests_of_the_gate_are_errors_and_all_is_counted(results: dict[str, Any]) -> None:
    results["run"]["gate"]["failed_tests"] = {"tests/a.py::b": "boom"}
    suite = read(results)
    cases = list(suite.iter("testcase"))
    assert cases[-1].get("name") == "tests/a.py::b" and outcome(cases[-1]) == "error"
    counted = {name: sum(outcome(case) == tag for case in cases)
               for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))}
    assert {name: int(suite.get(name)) for name in counted} == counted and int(suite.get("tests")) == len(cases)
    assert all(counted.values())


def test_the_figures_stand_as_properties_under_the_claims_id(results: dict[str, Any]) -> None:
    found = {entry.get("name"): entry.get("value") for entry in read(results).iter("property")}
    for claim in claims(results):
        for name in ("value", "lower", "upper", "margin"):
            figure = getattr(claim, name)
            assert (float(found[f"{claim.id}.{name}"]) == figure) if figure is not None else f"{claim.id}.{name}" not in found
        assert float(found[f"{claim.id}.target"]) == claim.target and int(found[f"{claim.id}.n"]) == claim.n


def test_text_that_xml_cannot_hold_is_replaced(results: dict[str, Any]) -> None:
    bad = "a\x00b\x1bc\ufffed\ud800e<f>&\"g]]>"
    results["claims"][0] |= {"id": bad, "title": bad}
    results["run"]["gate"]["failed_tests"] = {bad: bad}
    case = next(read(results).iter("testcase"))
    assert case.get("name") == 'a\ufffdb\ufffdc\ufffdd\ufffde<f>&"g]]>'


def test_it_holds_what_both_public_schemas_ask(results: dict[str, Any]) -> None:
    """junit-10.xsd of Jenkins's xunit plugin and Ant's JUnit.xsd: order, required attributes, forms."""
    suite = read(results)
    tags = [child.tag for child in suite]
    assert tags[0] == "properties" and tags[-2:] == ["system-out", "system-err"] and set(tags[1:-2]) == {"testcase"}
    for name in ("name", "package", "id", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"):
        assert suite.get(name)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
    for case in suite.iter("testcase"):
        assert set(case.keys()) == {"name", "classname", "time"} and float(case.get("time")) >= 0 and len(case) <= 1
        assert all(child.tag in ("failure", "error", "skipped") and child.get("type") for child in case)
