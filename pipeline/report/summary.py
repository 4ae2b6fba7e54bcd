"""summary.md: what changed, worst first, for GitHub's job summary and for a comment on a pull request."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.report import format as fmt
from pipeline.report.markdown.text import code, document, inert, table
from pipeline.report.results import Claim, claims, commit_label, host_line

MARKER = "<!-- edge-acceptance -->"  # a workflow finds its own comment by this first line
LIMIT = 65_536  # what GitHub takes for a comment, in UTF-16 units
WORST_FIRST = ("regressed", "stopped", "fail", "invalid", "inconclusive", "unsettled", "not_compared", "improved")
EXAMPLES = 20  # flipped queries of a claim, lost and gained each
# Examples of a claim, and rows of each table and list: the first that fits is taken, and the last always does.
SIZES = ((EXAMPLES, 500), (5, 500), (2, 500), (0, 500), (0, 12))
CELL, TITLE, REASON, QUERY = 60, 120, 300, 200  # characters of a text from outside before it is cut


def render(results: Mapping[str, Any]) -> str:
    """GitHub Markdown within the limit of a comment; no text of the record can break it, mention a user or set a link."""
    for examples, rows in SIZES:
        text = _document(results, examples, rows)
        if len(text.encode("utf-16-le")) // 2 <= LIMIT:
            break
    return text


def concerns(claim: Claim) -> list[str]:
    """What of a claim a reader should look at, worst first; empty where it is as it was."""
    states = (claim.state, claim.change.state if claim.change else "")
    return [word for word in WORST_FIRST if word in states]


def _document(results: Mapping[str, Any], examples: int, rows: int) -> str:
    items = claims(results)
    changed = sorted(filter(concerns, items), key=lambda claim: WORST_FIRST.index(concerns(claim)[0]))
    rest = [claim for claim in items if not concerns(claim)]
    cut = "Shortened to fit a comment: some examples or rows are left out; the record of the run has them all."
    return document([
        MARKER, _heading(results), _table(changed[:rows]), _reasons(changed[:rows]), _failed(results, rows),
        *(part for claim in changed if examples for part in _flips(claim, examples)),
        _rest(rest, rows), cut if (examples, rows) != SIZES[0] else "",
    ])


def _heading(results: Mapping[str, Any]) -> str:
    run = results["run"]
    gate = (run.get("gate") or {}).get("state", "unknown")
    baseline = run.get("baseline")
    kept = f"{baseline.get('file')} of {str(baseline.get('saved'))[:10]} at {str(baseline.get('commit'))[:12]}" if baseline else "none"
    facts = {"profile": run.get("profile", "-"), "host": host_line(results), "commit": commit_label(results) or "-", "baseline": kept}
    told = ", ".join(f"{name} {inert(fact, TITLE)}" for name, fact in facts.items())
    return f"### Acceptance: {inert(gate, CELL)} (exit code {inert(run.get('exit_code', '-'), CELL)})\n\n{told}"


def _table(changed: Sequence[Claim]) -> str:
    if not changed:
        return "No claim changed, and none is red."
    headers = ["state", "claim", "target", "measured", "interval", "baseline", "worse by"]
    return table(headers, [[_state(claim), *_figures(claim), *_change(claim)] for claim in changed], numbers=range(2, 7))


def _state(claim: Claim) -> str:
    first, *others = [word.replace("_", " ") for word in concerns(claim)] or [fmt.STATES[claim.state].word]
    return ", ".join([f"**{first}**", *others])


def _figures(claim: Claim) -> list[str]:
    name = f"{inert(claim.title, TITLE)} ({inert(claim.id, CELL)})"
    return [name, *(inert(text, CELL) for text in (fmt.target(claim), fmt.measured(claim), fmt.interval(claim)))]


def _change(claim: Claim) -> list[str]:
    if claim.regression is None:
        return [fmt.NONE, fmt.NONE]
    return [inert(text, CELL) for text in (fmt.value(claim.regression.baseline_value, claim.unit), fmt.worse(claim.regression, claim.unit))]


def _reasons(changed: Sequence[Claim]) -> str:
    return "\n".join(f"- {_state(claim)}: {inert(claim.id, CELL)}: {inert(' '.join(_why(claim)), REASON)}" for claim in changed)


def _why(claim: Claim) -> Iterator[str]:
    if claim.change:
        yield f"{claim.change.message}."
    if claim.state in WORST_FIRST:
        yield claim.sentence


def _failed(results: Mapping[str, Any], rows: int) -> str:
    """Tests that failed with no claim to account for them: they turn the gate red on their own."""
    failed = list(((results["run"].get("gate") or {}).get("failed_tests") or {}).items())
    lines = [f"- {inert(test, TITLE)}: {inert(why, REASON)}" for test, why in failed[:rows]]
    return "\n".join([f"**{len(failed)} failed tests**", "", *lines]) if failed else ""


def _flips(claim: Claim, examples: int) -> Iterator[str]:
    change = claim.regression
    if change and (change.lost or change.gained):
        title = f"<code>{html.escape(claim.id[:CELL])}</code>: {len(change.lost)} queries lost, {len(change.gained)} gained"
        yield _folded(title, "\n\n".join(filter(None, (_queries("lost", change.lost, examples),
                                                       _queries("gained", change.gained, examples)))))


def _queries(side: str, queries: Sequence[str], examples: int) -> str:
    if not queries:
        return ""
    more = [f"- and {len(queries) - examples:,} more"] if len(queries) > examples else []
    return "\n".join([f"{side}:", "", *(f"- {code(query, QUERY)}" for query in queries[:examples]), *more])


def _rest(rest: Sequence[Claim], rows: int) -> str:
    if not rest:
        return ""
    unmeasured = sum(claim.state == "not_measured" for claim in rest)
    shown = table(["state", "claim", "target", "measured", "interval", "baseline", "worse by"],
                  [[fmt.STATES[claim.state].word, *_figures(claim), *_change(claim)] for claim in rest[:rows]], numbers=range(2, 7))
    return _folded(f"{len(rest) - unmeasured} passed and not worse, {unmeasured} not measured", shown)


def _folded(title: str, body: str) -> str:
    """Markdown behind a line that a click unfolds; ``title`` is HTML."""
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
