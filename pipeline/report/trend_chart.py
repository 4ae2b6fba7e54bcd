"""One claim over the runs, as an SVG: its values with their intervals, its target dashed, regressions in another colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

from pipeline.report import format as fmt
from pipeline.report.results import Claim
from pipeline.report.trend import Point, Run

WIDTH, HEIGHT, SIDE, ABOVE, BELOW = 320, 130, 12, 12, 20
SHOWN = 6  # versions in a caption, the latest
NEAR = 3.0  # a target farther away than so many spans of the data would squeeze them


def chart(claim: Claim, runs: Sequence[Run], versions: Mapping[str, str]) -> str:
    """A figure with its caption; "" where fewer than two runs have a value.  versions: registered, by store key."""
    points = [(run, run.points[claim.id]) for run in runs if claim.id in run.points]
    if len(points) < 2:
        return ""
    low, high, shown = _range(claim, [point for _, point in points])

    def y(value: float) -> float:
        return ABOVE + (high - value) / (high - low) * (HEIGHT - ABOVE - BELOW)

    def x(place: int) -> float:
        return SIDE + place * (WIDTH - 2 * SIDE) / (len(points) - 1)

    target = f'<line class="target" x1="0" x2="{WIDTH}" y1="{y(claim.target):.1f}" y2="{y(claim.target):.1f}"/>' if shown else ""
    named = [_version(point, versions) for _, point in points]
    marks = "".join(_mark(claim, run, point, x(place), y, named[place]) for place, (run, point) in enumerate(points))
    path = "M" + "L".join(f"{x(place):.1f},{y(point.value):.1f}" for place, (_, point) in enumerate(points))
    ends = (f'<text x="0" y="{HEIGHT - 4}">{escape(points[0][0].finished[:10])}</text>'
            f'<text x="{WIDTH}" y="{HEIGHT - 4}" text-anchor="end">{escape(points[-1][0].finished[:10])}</text>')
    latest = fmt.value(points[-1][1].value, claim.unit)
    regressed = sum(point.change == "regressed" for _, point in points)
    note = f' <b class="regressed">{regressed} regressed</b>' if regressed else ""
    return (f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(claim.title)}">{target}'
            f'<path style="stroke:var(--line)" d="{path}"/>{marks}{ends}</svg>'
            f"<figcaption><b>{escape(claim.caption)}</b><span>{escape(claim.id)}: {escape(latest)}, "
            f"{escape(fmt.target(claim))}</span>{_history(named)}{note}</figcaption></figure>")


def _version(point: Point, versions: Mapping[str, str]) -> str:
    return ", ".join(versions[key] for key in point.artifacts if key in versions)


def _history(named: Sequence[str]) -> str:
    """The versions in their order, one that stays told once."""
    changes = [name for name, before in zip(named, ["", *named], strict=False) if name and name != before]
    return f"<span>{escape(' → '.join(changes[-SHOWN:]))}</span>" if changes else ""


def _range(claim: Claim, points: Sequence[Point]) -> tuple[float, float, bool]:
    """Lowest and highest value drawn, and whether the target is among them."""
    values = [value for point in points for value in (point.value, point.lower, point.upper) if value is not None]
    low, high = min(values), max(values)
    span = high - low or abs(high) or 1.0
    shown = low - NEAR * span <= claim.target <= high + NEAR * span
    if shown:
        low, high = min(low, claim.target), max(high, claim.target)
    room = 0.05 * (high - low or abs(high) or 1.0)
    return low - room, high + room, shown


def _mark(claim: Claim, run: Run, point: Point, x: float, y: Callable[[float], float], version: str) -> str:
    low, high = (point.value if bound is None else bound for bound in (point.lower, point.upper))
    regressed = " regressed" if point.change == "regressed" else ""
    state = ", ".join(filter(None, (point.state.replace("_", " "), regressed.strip())))
    of = f" of {version}" if version else ""
    words = f"{run.finished[:16]} {run.commit}: {fmt.value(point.value, claim.unit)}{of} ({state})"
    return (f'<line class="bar" x1="{x:.1f}" x2="{x:.1f}" y1="{y(low):.1f}" y2="{y(high):.1f}"/>'
            f'<circle class="dot{regressed}" cx="{x:.1f}" cy="{y(point.value):.1f}" r="4"><title>{escape(words)}</title></circle>')
