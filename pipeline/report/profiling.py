"""A profile in the terminal, as Markdown, as JSON and as a figure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table

from pipeline.atomic import write_atomically
from pipeline.percentile import percentile
from pipeline.profiling.bottlenecks import bottlenecks, suggestion
from pipeline.profiling.operators import OperatorProfile
from pipeline.report import format as fmt

WIDTH, SHOWN = 140, 12  # kinds of operators
HEAD = ("operator", "calls", "time", "share", "weights", "type", "writes", "MACs")
HOST_HEAD = ("host", "class", "model", "backend", "threads", "P50 ms", "P95 ms", "runs/s", "CPU s/run", "peak RSS", "bottleneck")


def show(profile: OperatorProfile, stream: TextIO) -> None:
    """The costliest kinds of operators, and what they say to do."""
    console = _console(stream)
    console.print(about(profile), markup=False, soft_wrap=True)
    console.print(_table(HEAD, rows(profile)))
    for line in remarks(profile):
        console.print(line, markup=False, soft_wrap=True)


def show_hosts(hosts: Mapping[str, Sequence[OperatorProfile]], stream: TextIO) -> None:
    """One row a host and model: latency, throughput and memory."""
    _console(stream).print(_table(HOST_HEAD, host_rows(hosts)))


def write(profile: OperatorProfile, folder: Path) -> list[Path]:
    """NAME.json, NAME.md, NAME.png and NAME.pdf."""
    from pipeline.report.figures import operators, style
    name = re.sub(r"[^\w.-]+", "-", profile.model).strip(".-") or "model"
    text = [f"# {profile.model}", "", about(profile), "", _markdown(HEAD, rows(profile)), "", *(f"- {one}" for one in remarks(profile)), ""]
    write_atomically(folder / f"{name}.json", profile.model_dump_json(indent=1))
    write_atomically(folder / f"{name}.md", "\n".join(text))
    with style.look():
        picture = style.write(operators.drawing(profile, name), folder)
    return [folder / f"{name}.json", folder / f"{name}.md", picture.png, picture.pdf]


def about(profile: OperatorProfile) -> str:
    """What was profiled, where, and by whose figures."""
    what = "estimate by " if profile.estimated else ""
    ran = f"{profile.threads} of {profile.cores} cores, {profile.tokens} tokens"
    parts = [f"{profile.model}: {profile.backend} ({profile.provider}), {ran}",
             f"{what}{profile.by}", profile.host_class]
    if profile.whole:
        took = profile.whole.milliseconds
        parts.append(f"whole runs: P50 {percentile(took, 0.5):.2f} ms, P95 {percentile(took, 0.95):.2f} ms, peak RSS "
                     f"{profile.whole.peak_rss_mb:.1f} MB")
    return "; ".join(parts)


def remarks(profile: OperatorProfile) -> list[str]:
    """The bottleneck first, then what else was found, and why the times may be wrong."""
    found = bottlenecks(profile)
    also = [f"also: {one.says}" for one in found[1:]]
    broken = [f"measuring conditions were broken: {profile.invalid}"] if profile.invalid else []
    return [f"bottleneck: {suggestion(profile)}" if found else suggestion(profile), *also, *broken]


def rows(profile: OperatorProfile) -> list[tuple[str, ...]]:
    """One a kind of operator, the costliest first, the rest in one."""
    kinds = list(profile.by_kind().items())
    rest = [one for _, operators in kinds[SHOWN:] for one in operators]
    shown = kinds[:SHOWN] + ([(f"{len(kinds) - SHOWN} others", rest)] if rest else [])
    return [(kind, f"{sum(one.calls for one in operators):,}",
             fmt.NONE if profile.estimated else f"{profile.cost(operators) * 1e3:.3f} ms", f"{profile.share(operators):.1%}",
             fmt.size(sum(one.weights for one in operators)), ", ".join(sorted({one.type for one in operators} - {""})) or fmt.NONE,
             fmt.size(sum(one.writes for one in operators)), f"{sum(one.macs for one in operators) / 1e6:,.2f} M")
            for kind, operators in shown]


def host_rows(hosts: Mapping[str, Sequence[OperatorProfile]]) -> list[tuple[str, ...]]:
    return [(host, one.host_class, one.model, one.backend, str(one.threads), *_whole(one), next((b.rule for b in bottlenecks(one)), "none"))
            for host, profiles in hosts.items() for one in profiles]


def _whole(profile: OperatorProfile) -> tuple[str, ...]:
    if profile.whole is None:
        return (fmt.NONE,) * 5
    took = profile.whole.milliseconds
    return (f"{percentile(took, 0.5):.2f}", f"{percentile(took, 0.95):.2f}", f"{1e3 * len(took) / max(sum(took), 1e-9):,.0f}",
            f"{profile.whole.cpu_seconds:.4f}", f"{profile.whole.peak_rss_mb:.1f} MB")


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for place, name in enumerate(head):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    for line in lines:
        table.add_row(*line)
    return table


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *lines))


def _console(stream: TextIO) -> Console:
    return Console(file=stream) if stream.isatty() else Console(file=stream, width=WIDTH, no_color=True, force_terminal=False)
