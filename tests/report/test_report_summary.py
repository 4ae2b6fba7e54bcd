"""summary.md: worst first, escaped, within GitHub's limit."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pipeline.report import summary
from pipeline.report.results import claims
from tests.report.conftest import HOSTILE, make_results, moved

HOSTILE_QUERY = f"@octocat #1 https://evil.example www.evil.example ```x``` </details><img src=x> {HOSTILE} ` @hubot"
UNLINKED = "\u200b"
RECORD = json.dumps(make_results())


def parsed(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def rows(text: str) -> list[list[str]]:
    """The cells of every table's rows, headers too."""
    found: list[list[str]] = []
    tokens = parsed(text)
    for place, token in enumerate(tokens):
        if token.type == "tr_open":
            found.append([])
        elif token.type in ("td_open", "th_open"):
            found[-1].append("".join(child.content for child in tokens[place + 1].children or []))
    return found


def words(text: str) -> str:
    """What a reader sees outside code spans, where GitHub looks for mentions, references and links."""
    return "".join(child.content for token in parsed(text) for child in token.children or [] if child.type == "text")


def test_what_changed_stands_worst_first(results: dict[str, Any]) -> None:
    for claim, state in (("routing.accuracy", "improved"), ("quantization.size", "unsettled"), ("latency.p50", "stopped"),
                         ("accuracy.merged", "regressed")):
        moved(results, claim, state)
    states = [state for state in (row[0].split(",")[0] for row in rows(summary.render(results))) if state in summary.WORST_FIRST]
    assert states == sorted(states, key=summary.WORST_FIRST.index)
    assert states[:2] == ["regressed", "stopped"] and states[-1] == "improved"
    assert {"invalid", "inconclusive", "unsettled"} <= set(states)


def test_unchanged_and_not_measured_are_counted_and_folded(results: dict[str, Any]) -> None:
    moved(results, "accuracy.merged", "unchanged")
    text = summary.render(results)
    folded = text[text.rindex("<details>"):]
    assert "accuracy.merged" in folded and "latency.p50" in folded
    shown = [row[0] for row in rows(folded) if row[0] in ("pass", "not measured")]
    assert f"{shown.count('pass')} passed and not worse, {shown.count('not measured')} not measured" in folded
    assert len(shown) == sum(not summary.concerns(claim) for claim in claims(results))


def test_a_change_shows_the_baseline_and_how_much_worse(results: dict[str, Any]) -> None:
    moved(results, "accuracy.merged", "regressed")
    row = next(row for row in rows(summary.render(results)) if row[0] == "regressed")
    assert row[5:] == ["95.0 %", "+3.4 points [2.0, 5.0]"]
    moved(results, "latency.p95", "regressed", relative=True, worse=0.12, lower=0.03, upper=0.221)
    assert ["+12.0 % [3.0, 22.1]"] in [row[6:] for row in rows(summary.render(results))]


def test_the_heading_says_gate_exit_code_profile_commit_and_baseline(results: dict[str, Any]) -> None:
    results["run"]["baseline"] = {"file": "baselines/reference.yaml", "profile": "reference", "host_class": "x",
                                  "saved": "2026-11-01T00:00:00+00:00", "commit": "f" * 40, "run": "r1"}
    text = summary.render(results)
    assert text.startswith(summary.MARKER)
    head = words(text)[:400]
    for word in ("red", "exit code 1", "reference", "0123456789ab", "baselines/reference.yaml of 2026-11-01"):
        assert word in head


def test_a_record_without_baselines_reads_as_before(results: dict[str, Any]) -> None:
    assert all("regression" not in entry for entry in results["claims"])
    assert "baseline none" in words(summary.render(results))


def test_failed_tests_stand_with_their_reason(results: dict[str, Any]) -> None:
    results["run"]["gate"]["failed_tests"] = {"acceptance/test_x.py::test_y": f"boom {HOSTILE_QUERY}"}
    assert "test_y: boom" in words(summary.render(results))


def test_twenty_examples_a_side_and_how_many_more(results: dict[str, Any]) -> None:
    moved(results, "accuracy.merged", "regressed", flipped={"lost": [f"问题 {n}" for n in range(31)], "gained": ["一"]})
    text = summary.render(results)
    assert "31 queries lost, 1 gained" in text and "问题 19" in text and "问题 20" not in text and "and 11 more" in text


def test_a_hostile_record_breaks_no_table_and_mentions_nobody(hostile: dict[str, Any]) -> None:
    for entry in hostile["claims"]:
        entry["title"] += HOSTILE_QUERY
    hostile["run"]["gate"]["failed_tests"] = {HOSTILE_QUERY: HOSTILE_QUERY}
    moved(hostile, "accuracy.merged", "regressed", message=HOSTILE_QUERY, flipped={"lost": [HOSTILE_QUERY], "gained": []})
    _harmless(summary.render(hostile))


def _harmless(text: str) -> None:
    assert {len(row) for row in rows(text)} == {7}
    tokens = parsed(text)
    children = [child for token in tokens for child in token.children or []]
    assert not [child for child in children if child.type in ("html_inline", "link_open", "image")]
    blocks = [token.content.strip() for token in tokens if token.type == "html_block"]
    assert all(block.startswith((summary.MARKER, "<details><summary>", "</details>")) for block in blocks)
    assert sum(block.startswith("<details>") for block in blocks) == blocks.count("</details>")
    shown = words(text)
    for sign in ("@", "#"):
        assert shown.count(sign) == shown.count(sign + UNLINKED)
    assert "://" not in shown and "www." not in shown.lower()


@settings(max_examples=60, deadline=None)
@given(queries=st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=5), message=st.text(st.characters(codec="utf-8")))
def test_any_text_is_harmless(queries: list[str], message: str) -> None:
    results = json.loads(RECORD)
    moved(results, "accuracy.merged", "regressed", message=message, flipped={"lost": queries, "gained": queries})
    results["claims"][0]["title"] = message
    text = summary.render(results)
    _harmless(text)
    spans = [child.content for token in parsed(text) for child in token.children or [] if child.type == "code_inline"]
    assert len(spans) == 2 * len(queries)


@settings(max_examples=12, deadline=None)
@given(many=st.integers(1, 300), queries=st.integers(0, 40), letter=st.sampled_from(["a", "\\", "@", "#", "`", "😀", "&"]))
def test_no_record_makes_more_than_a_comment_holds(many: int, queries: int, letter: str) -> None:
    results = json.loads(RECORD)
    moved(results, "accuracy.merged", "regressed", message=letter * 2000, worse=1e200, lower=-1e200, upper=1e300,
          flipped={"lost": [letter * 300] * queries, "gained": [letter * 300] * queries})
    entry = next(entry for entry in results["claims"] if entry["id"] == "accuracy.merged")
    entry |= {"title": letter * 2000, "id": letter * 2000}
    results["claims"] = [entry] * many
    results["run"] |= {"profile": letter * 2000, "gate": {"state": "red", "failed_tests": {letter * n: letter * 2000 for n in range(40)}}}
    text = summary.render(results)
    assert len(text.encode("utf-16-le")) // 2 <= summary.LIMIT


def test_examples_are_cut_first_and_the_summary_says_so(results: dict[str, Any]) -> None:
    assert "Shortened" not in summary.render(results)
    for entry in results["claims"]:
        moved(results, entry["id"], "regressed", flipped={"lost": ["问" * 190] * 30, "gained": ["答" * 190] * 30})
    text = summary.render(results)
    assert "Shortened" in text and len([row for row in rows(text) if "regressed" in row[0]]) == len(results["claims"])
    assert text.count("问" * 190) in [shown * len(results["claims"]) for shown in (0, 2, 5)]
