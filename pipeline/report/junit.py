"""JUnit XML of a run: one test case a claim, so that any CI shows the verdicts where it shows tests.

Valid by Jenkins's schema (junit-10.xsd) and by Ant's (JUnit.xsd): neither knows properties of a test case, so the figures of a
claim stand as properties of the suite, under its id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as ET

from pipeline.report import format as fmt
from pipeline.report.results import Claim, claims, host_line

# A claim that is missed fails; one whose conditions were broken is no failure of the model's, but an error.
ELEMENTS = {"fail": "failure", "inconclusive": "failure", "invalid": "error", "regressed": "failure", "stopped": "failure",
            "not_measured": "skipped"}  # the first that fits
FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # no XML 1.0 document can hold them, not even escaped


def render(results: Mapping[str, Any]) -> bytes:
    """The record as an XML document in UTF-8: one suite, claims in the record's order, then failed tests without a claim."""
    run, items = results["run"], claims(results)
    failed = (run.get("gate") or {}).get("failed_tests") or {}
    cases = [*(_case(claim) for claim in items), *(_failed(test, why) for test, why in failed.items())]
    counts = {name: sum(case.find(element) is not None for case in cases)
              for name, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))}
    suite = _element("testsuite", name="acceptance", package="acceptance", id=0, tests=len(cases), **counts,
                     time=f"{float(run.get('duration_s') or 0):.3f}", timestamp=str(run.get("started") or "1970-01-01T00:00:00")[:19],
                     hostname=host_line(results))
    properties = ET.SubElement(suite, "properties")
    properties.extend(_element("property", name=name, value=value) for name, value in _properties(results, items))
    suite.extend(cases)
    ET.SubElement(suite, "system-out")
    ET.SubElement(suite, "system-err")
    root = _element("testsuites")
    root.append(suite)
    ET.indent(root, " ")
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _case(claim: Claim) -> ET.Element:
    case = _element("testcase", name=claim.id, classname=f"acceptance.{claim.phase}", time=f"{claim.duration_s:.3f}")
    change = claim.regression
    reasons = {claim.state: claim.sentence}
    if change:
        reasons[change.state] = fmt.moved(change, claim.unit)
    if state := next((state for state in ELEMENTS if state in reasons), ""):
        word = state.replace("_", " ")
        case.append(_outcome(ELEMENTS[state], word, f"{word}: {reasons[state]}", claim.title))
    return case


def _failed(test: str, why: str) -> ET.Element:
    case = _element("testcase", name=test, classname="acceptance", time="0.000")
    case.append(_outcome("error", "failed test", why, test))
    return case


def _outcome(element: str, kind: str, message: str, title: str) -> ET.Element:
    outcome = _element(element, message=message, type=kind)
    outcome.text = _clean(f"{title}\n{message}")
    return outcome


def _properties(results: Mapping[str, Any], items: list[Claim]) -> Iterator[tuple[str, object]]:
    run = results["run"]
    yield from ((name, run[name]) for name in ("id", "profile", "exit_code") if run.get(name) is not None)
    for claim in items:
        figures = {"value": claim.value, "lower": claim.lower, "upper": claim.upper, "n": claim.n, "target": claim.target,
                   "margin": claim.margin}
        yield from ((f"{claim.id}.{name}", figure) for name, figure in figures.items() if figure is not None)


def _element(tag: str, **attributes: object) -> ET.Element:
    return ET.Element(tag, {name: _clean(str(value)) for name, value in attributes.items()})


def _clean(text: str) -> str:
    return FORBIDDEN.sub("\ufffd", text)
