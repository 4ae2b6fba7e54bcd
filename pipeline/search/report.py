"""What a search found: front.json, and the table, the page, the figure and the recipe that are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import yaml
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, model_validator

from pipeline.errors import EdgeError
from pipeline.report import format as fmt
from pipeline.search.front import Point, pareto
from pipeline.search.knee import Axis, directions_of, knee
from pipeline.yaml_file import validate

if TYPE_CHECKING:
    from pipeline.compress.recipe import RecipeFile
    from pipeline.search.objectives import Objective

FRONT, RECOMMENDED = "front.json", "recommended.yaml"


class Placed(Point):
    """A trial with its place: on the front or behind it."""

    on_front: bool


class Knee(BaseModel):
    """The trial that is recommended, and the sentence that says why."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    trial: int
    reason: str


class Found(BaseModel):
    """front.json.  points: every finished trial, by number.  knee: none where no trial is feasible.  trials: begun, failed ones too.
    seconds: that the search took."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    study: str = Field(pattern=r"^\w[\w.-]*$")
    profile: str
    objectives: list[Axis] = Field(min_length=1)
    points: list[Placed]
    knee: Knee | None
    trials: NonNegativeInt
    seconds: NonNegativeFloat

    @model_validator(mode="after")
    def _whole(self) -> Found:
        names, trials = {one.name for one in self.objectives}, [point.trial for point in self.points]
        if len(names) != len(self.objectives) or len(set(trials)) != len(trials):
            raise ValueError("expected each objective and each trial once")
        if stray := next((point.trial for point in self.points if set(point.values) != names), None):
            raise ValueError(f"expected of every trial a value of each objective and no other, found otherwise in trial {stray}")
        if self.knee and self.knee.trial not in {point.trial for point in self.points if point.on_front}:
            raise ValueError(f"expected the knee to be a trial on the front, found {self.knee.trial}")
        return self

    @property
    def front(self) -> list[Placed]:
        """Those on the front, by the first objective, best first."""
        names = {point.trial: point for point in self.points if point.on_front}
        return [names[point.trial] for point in pareto(list(names.values()), directions_of(self.objectives))]


def found(study: str, profile: str, objectives: Sequence[Objective], points: Sequence[Point], trials: int, seconds: float) -> Found:
    """The front and the knee of a search's finished trials; EdgeError where these do not fit the objectives."""
    axes = [Axis(**{part: getattr(one, part) for part in Axis.model_fields}) for one in objectives]
    front = pareto(points, directions_of(axes))
    on_front = {point.trial for point in front}
    placed = [Placed(**point.model_dump(include=set(Point.model_fields)), on_front=point.trial in on_front) for point in points]
    chosen = Knee(trial=(best := knee(front, axes))[0].trial, reason=best[1]) if front else None
    content = {"study": study, "profile": profile, "objectives": [one.model_dump() for one in axes],
               "points": [one.model_dump() for one in sorted(placed, key=lambda point: point.trial)],
               "knee": chosen and chosen.model_dump(), "trials": trials, "seconds": seconds}
    return validate(content, Found, f"study {study}")


def read_found(file: Path) -> Found:
    """A front.json; EdgeError for one that is missing, truncated or of another form."""
    from pipeline.runtime.files import read_object
    return validate(read_object(file, "the front of a search"), Found, str(file))


def write_found(content: Found, reports: Path) -> list[Path]:
    """front.json, .md, .png and .pdf and recommended.yaml under ``reports``/STUDY; what was written.

    Without a feasible trial there is no recommended.yaml, and one of before goes.
    """
    from pipeline.atomic import write_atomically
    from pipeline.report.figures import front, style
    from pipeline.runtime.files import write_object

    folder = reports / content.study
    write_object(folder / FRONT, content.model_dump())
    write_atomically(folder / "front.md", markdown(content))
    with style.look():
        pictures = [style.write(drawing, folder) for drawing in front.draw(content)]
    written = [folder / FRONT, folder / "front.md", *(path for picture in pictures for path in (picture.png, picture.pdf))]
    if content.knee is None:
        (folder / RECOMMENDED).unlink(missing_ok=True)
        return written
    write_atomically(folder / RECOMMENDED, recommended(content))
    return [*written, folder / RECOMMENDED]


def recommended(content: Found) -> str:
    """The knee's recipe as a file to commit, with the study and the reason above."""
    assert content.knee is not None
    recipe = next(point.recipe for point in content.points if point.trial == content.knee.trial)
    return f"# Found by edge search, study {content.study}, profile {content.profile}: {content.knee.reason}\n{recipe.strip()}\n"


def show(content: Found, stream: TextIO) -> None:
    """The front as a table, the knee marked, and its sentence."""
    from pipeline.report.recipe_steps import print_table
    headers = ["trial", *(one.short for one in content.objectives), "recipe", ""]
    print_table(stream, headers, _rows(content), range(1 + len(content.objectives)), [_counted(content), _said(content)])


def markdown(content: Found) -> str:
    from pipeline.report.markdown.text import document, plain, table
    headers = ["试验 (trial)", *(plain(one.short) for one in content.objectives), "配方 (recipe)", ""]
    rows = [[plain(cell) for cell in row] for row in _rows(content)]
    return document([
        f"# 搜索结果 (search): {plain(content.study)}", f"配置 (profile) {plain(content.profile)}。{plain(_counted(content))}.",
        table(headers, rows, range(1 + len(content.objectives))), f"**推荐 (recommended)**：{plain(_said(content))}",
        "![front](front.png)" if content.points and len(content.objectives) > 1 else ""])


def recipe_of(point: Point) -> RecipeFile:
    """A trial's recipe; EdgeError for what is none."""
    from pipeline.compress.recipe import RecipeFile
    try:
        content = yaml.safe_load(point.recipe)
    except yaml.YAMLError as error:
        raise EdgeError(f"trial {point.trial}: expected a recipe in YAML, found: {error}; search again") from None
    return validate(content if isinstance(content, dict) else {}, RecipeFile, f"trial {point.trial}")


def steps_of(recipe: RecipeFile) -> str:
    """depth layers 3, int8: the steps and what is set in them."""
    return ", ".join(" ".join([name, *(f"{key} {value}" for key, value in (settings or {}).items())])
                     for step in recipe.steps for name, settings in step.items())


def _rows(content: Found) -> list[list[str]]:
    return [[str(point.trial), *(fmt.value(point.values[one.name], one.unit) for one in content.objectives),
             steps_of(recipe_of(point)), "← knee" if content.knee and point.trial == content.knee.trial else ""]
            for point in content.front]


def _counted(content: Found) -> str:
    feasible = sum(point.feasible for point in content.points)
    return (f"{content.trials} trials in {fmt.duration(content.seconds)}, {len(content.points)} finished, {feasible} feasible, "
            f"{len(content.front)} on the front")


def _said(content: Found) -> str:
    return content.knee.reason if content.knee else "no trial meets every constraint: search longer, or loosen one"
