"""The table at the end of a run."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipeline.report import format as fmt
from pipeline.report.results import CHANGES, STATES, Claim, by_phase, claims, counts, host_line

WIDTH = 100
# Below this the columns would cut each other: one block a claim instead.
NARROW = 84
FONT_FACE = re.compile(r"@font-face \{\{.*?\}\}", re.DOTALL)
ASCII = str.maketrans({"≈": "~", "≥": ">=", "≤": "<=", "─": "-", "·": ",", "…": "..."})


def render(results: Mapping[str, Any], width: int = WIDTH) -> str:
    """Plain aligned text, no line wider than ``width`` columns, no escape codes."""
    buffer = io.StringIO()
    _print(results, Console(file=buffer, width=width, force_terminal=False, no_color=True, legacy_windows=False))
    return "".join(line.rstrip() + "\n" for line in buffer.getvalue().splitlines())


def show(results: Mapping[str, Any], stream: TextIO | None = None) -> None:
    """The table in colour on a terminal at its width; plain text of 100 columns anywhere else."""
    stream = stream or sys.stdout
    if stream.isatty():
        _print(results, Console(file=stream))
        return
    text = render(results)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(ASCII).encode(encoding, "backslashreplace").decode(encoding)
    stream.write(text)


def picture(results: Mapping[str, Any]) -> str:
    """The table as an SVG, in the reader's own monospaced font: nothing is fetched when it is looked at."""
    console = Console(file=io.StringIO(), record=True, width=WIDTH + 8, force_terminal=True, legacy_windows=False)
    _print(results, console)
    template = FONT_FACE.sub("", CONSOLE_SVG_FORMAT).replace("Fira Code, ", "")
    return console.export_svg(title="pytest acceptance/", code_format=template)


def _print(results: Mapping[str, Any], console: Console) -> None:
    items = claims(results)
    body = _table(items) if console.width >= NARROW else _blocks(items)
    lines = [*_reasons(items), *_changes(items)]
    console.print(Group(Text(""), _heading(results), Text(""), body, Text(""), _summary(results, items), *lines))


def _heading(results: Mapping[str, Any]) -> Text:
    run = results["run"]
    says = f", says something about {run['says']}" if run.get("says") else ""
    profile, host = _clean(f"{run.get('profile', '?')}{says}"), _clean(host_line(results))
    return Text.assemble(("profile ", "bold"), f"{profile}\n", ("host    ", "bold"), host)


def _clean(text: str) -> str:
    """One line without control characters: no text from outside can steer the terminal."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _table(items: list[Claim]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("claim", ratio=1, overflow="fold")
    for name in ("target", "measured", "interval", "n", "verdict", "margin"):
        table.add_column(name, justify="left" if name == "verdict" else "right", overflow="fold")
    for phase, group in by_phase(items).items():
        table.add_row(Text(_clean(phase), style="bold"), *[""] * 6)
        for claim in group:
            state = fmt.STATES[claim.state]
            row = [fmt.target(claim), _measured(claim), _interval(claim), fmt.count(claim.n)]
            cells = [_solid(text) for text in row]
            verdict, distance = Text(state.word, style=state.style, no_wrap=True), _solid(fmt.margin(claim, unit=False))
            table.add_row(Padding(Text(_clean(claim.title)), (0, 0, 0, 2)), *cells, verdict, distance)
    return table


def _interval(claim: Claim) -> str:
    return fmt.interval(claim, unit=False)


def _measured(claim: Claim) -> str:
    """The mark of an indicative figure on a line of its own: the column stays narrow."""
    return fmt.measured(claim).replace(" (", "\n(", 1)


def _solid(text: str) -> Text:
    return Text(text, no_wrap=True)


def _blocks(items: list[Claim]) -> Group:
    parts: list[RenderableType] = []
    for phase, group in by_phase(items).items():
        parts.append(Text(_clean(phase), style="bold"))
        for claim in group:
            state = fmt.STATES[claim.state]
            facts = {"target": fmt.target(claim), "measured": fmt.measured(claim), "interval": fmt.interval(claim),
                     "n": fmt.count(claim.n), "margin": fmt.margin(claim)}
            line = ", ".join(f"{name} {text}" for name, text in facts.items() if text != fmt.NONE)
            parts.append(Padding(Text(_clean(claim.title)), (0, 0, 0, 2)))
            parts.append(Padding(Text.assemble((state.word, state.style), f": {line}"), (0, 0, 0, 4)))
    return Group(*parts)


def _summary(results: Mapping[str, Any], items: list[Claim]) -> Text:
    run = results["run"]
    tally = ", ".join(f"{n} {fmt.STATES[state].word}" for state, n in counts(items).items() if n)
    gate = (run.get("gate") or {}).get("state", "?")
    style = "bold green" if gate == "green" else "bold red"
    took = f" in {fmt.duration(run['duration_s'])}" if run.get("duration_s") is not None else ""
    return Text.assemble((f"gate {gate}", style), f" (exit code {run.get('exit_code', '?')}): ",
                         f"{tally or 'no claim'} of {len(items)} claims{took}")


def _reasons(items: list[Claim]) -> list[RenderableType]:
    """Why the claims that are not green are not; those with one reason stand together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for claim in sorted(items, key=lambda claim: STATES.index(claim.state)):
        if claim.state != "pass":
            groups.setdefault((claim.state, claim.sentence), []).append(claim.id)
    lines: list[RenderableType] = [Text("")] if groups else []
    for (name, sentence), ids in groups.items():
        state = fmt.STATES[name]
        lines.append(Text.assemble((state.word, state.style), f": {', '.join(ids)}"))
        lines.append(Padding(Text(_clean(sentence)), (0, 0, 0, 4)))
    return lines


def _changes(items: list[Claim]) -> list[RenderableType]:
    """How claims moved against the baseline, worst first."""
    moved = sorted((claim for claim in items if claim.change), key=lambda claim: CHANGES.index(claim.change.state))
    lines: list[RenderableType] = [Text("")] if moved else []
    for claim in moved:
        style = "green" if claim.change.state == "improved" else "bold red" if claim.change.state in CHANGES[:2] else "yellow"
        lines.append(Text.assemble((claim.change.state.replace("_", " "), style), f": {claim.id}"))
        lines.append(Padding(Text(_clean(fmt.moved(claim.change, claim.unit))), (0, 0, 0, 4)))
    return lines
