"""What all figures share: size, colours, language, and a drawing's way to disk."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.atomic import write_atomically
from pipeline.report.figures.fonts import chinese_font

CM = 1 / 2.54
WIDTH = 14 * CM
# Okabe and Ito's palette: told apart by colour-blind readers and in grey.
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8C8C8C"
SERIES = (BLUE, ORANGE, GREEN, RED)
TICK = 7  # points, of the words along an axis
RC = {
    "font.size": 8, "axes.titlesize": 9, "axes.labelsize": 8, "xtick.labelsize": TICK, "ytick.labelsize": TICK,
    "legend.fontsize": 7, "legend.frameon": False, "axes.spines.top": False, "axes.spines.right": False,
    "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "lines.linewidth": 1.3,
    "grid.linewidth": 0.4, "grid.color": "#DDDDDD", "axes.axisbelow": True, "savefig.dpi": 200,
    # Names come from data: a dollar sign in one is a dollar sign.
    "text.parse_math": False, "pdf.fonttype": 3,
}


@dataclass(frozen=True)
class Drawing:
    """A figure before it is written; ``claims`` are the ids of what it shows, ``caption`` is Chinese."""

    name: str
    caption: str
    figure: Figure
    claims: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Picture:
    """A figure on disk."""

    name: str
    caption: str
    png: Path
    pdf: Path
    claims: list[str]


@contextmanager
def look() -> Iterator[None]:
    """matplotlib's settings for the figures, and only for them."""
    name = chinese_font()
    families = [name, "DejaVu Sans"] if name else ["DejaVu Sans"]
    with matplotlib.rc_context({**RC, "font.family": families}):
        yield


def say(chinese: str, english: str) -> str:
    """The Chinese words where a font can show them."""
    return chinese if chinese_font() else english


def figure(height_cm: float, left: float = 1.5, right: float = 0.3, top: float = 0.8, bottom: float = 1.15,
           **spaces: float) -> Figure:
    """An empty figure as wide as a thesis page's text; margins in cm (a fixed layout is drawn twice as fast as a fitted one)."""
    sheet = Figure(figsize=(WIDTH, height_cm * CM))
    wide = WIDTH / CM
    sheet.subplots_adjust(left=left / wide, right=1 - right / wide, top=1 - top / height_cm, bottom=bottom / height_cm, **spaces)
    return sheet


def target_line(axes: Axes, at: float, label: str, limit: float) -> None:
    """A dashed target; one beyond ``limit`` is named at the right edge, so that it does not squeeze the data."""
    if at <= limit:
        axes.axvline(at, color=RED, linestyle="--", linewidth=1)
        here = [note.get_text() for note in axes.texts if note.get_gid() == f"target {at}"]
        if label not in here:
            axes.annotate(label, (at, 0.97 - 0.12 * len(here)), xycoords=("data", "axes fraction"), xytext=(-3, 0),
                          textcoords="offset points", ha="right", va="top", color=RED, fontsize=7, gid=f"target {at}")
        return
    named = [note.get_text() for note in axes.texts if note.get_gid() == "beyond"]
    if f"{label} →" in named:
        return
    axes.annotate(f"{label} →", (1, 0.97 - 0.12 * len(named)), xycoords="axes fraction", ha="right", va="top", color=RED,
                  fontsize=7, gid="beyond")


def write(drawing: Drawing, folder: Path) -> Picture:
    """PNG at 200 dpi and PDF, each whole or not at all."""
    paths = {kind: folder / f"{drawing.name}.{kind}" for kind in ("png", "pdf")}
    for kind, path in paths.items():
        buffer = io.BytesIO()
        drawing.figure.savefig(buffer, format=kind, metadata={"CreationDate": None} if kind == "pdf" else None)
        write_atomically(path, buffer.getvalue())
    return Picture(drawing.name, drawing.caption, paths["png"], paths["pdf"], drawing.claims)


def shades(n: int) -> Sequence[str]:
    return [SERIES[place % len(SERIES)] for place in range(n)]
