"""What a search writes: front.json and what is made of it."""

from __future__ import annotations

import io
import json

import pytest

from pipeline.compress.recipe import load_recipe
from pipeline.errors import EdgeError
from pipeline.report.figures.style import RED
from pipeline.search.front import Point
from pipeline.search.knee import Axis
from pipeline.search.report import found, read_found, show, write_found

LOSS = Axis(name="compression.accuracy_loss", unit="points", direction="minimize", target=0.05)
SIZE = Axis(name="compression.size", unit="MB", direction="minimize", target=5)
RECIPE = "name: {name}\nsays: drawn\nsteps:\n  - depth: {{layers: {layers}}}\n  - int8: {{}}\n"
ROWS = [(0.0, 4.0, True, "int8"), (0.001, 1.0, True, "trial-1"), (0.03, 0.8, True, "trial-2"), (0.04, 4.5, True, "trial-3"),
        (0.0, 9.0, False, "trial-4")]


def content(study="reference-compress", rows=ROWS):
    points = [Point(trial=at, recipe=RECIPE.format(name=name, layers=at + 1), values={LOSS.name: loss, SIZE.name: size}, feasible=feasible,
                    key=f"key{at}") for at, (loss, size, feasible, name) in enumerate(rows)]
    return found(study, "reference", [LOSS, SIZE], points, trials=len(rows) + 2, seconds=321.0)


def test_it_comes_back_as_it_was_written(tmp_path):
    made = content()
    files = write_found(made, tmp_path)
    assert [file.relative_to(tmp_path / made.study).name for file in files] == [
        "front.json", "front.md", "front.png", "front.pdf", "recommended.yaml"]
    assert read_found(files[0]) == made
    plain = json.loads(files[0].read_text())
    assert list(plain) == ["study", "profile", "objectives", "points", "knee", "trials", "seconds"]
    assert plain["points"][1] == {"trial": 1, "recipe": RECIPE.format(name="trial-1", layers=2), "feasible": True, "key": "key1",
                                  "values": {LOSS.name: 0.001, SIZE.name: 1.0}, "on_front": True}
    assert [point["on_front"] for point in plain["points"]] == [True, True, True, False, False] and plain["knee"]["trial"] == 1


def test_the_recommended_recipe_is_one(tmp_path):
    file = write_found(content(), tmp_path)[-1]
    assert load_recipe(str(file)).steps[0].settings.layers == 2
    assert file.read_text().startswith("# Found by edge search, study reference-compress, profile reference: trial 1: accuracy loss 0.1 ")


def test_table_and_page_say_the_same(tmp_path):
    stream = io.StringIO()
    show(content(), stream)
    lines = stream.getvalue().splitlines()
    assert lines[2].split() == ["1", "0.1", "points", "1.0", "MB", "depth", "layers", "2,", "int8", "←", "knee"]
    assert lines[4] == "7 trials in 5 min 21 s, 5 finished, 4 feasible, 3 on the front"
    page = write_found(content(), tmp_path)[1].read_text()
    assert "| 1 | 0.1 points | 1.0 MB | depth layers 2, int8 | ← knee |" in page and "![front](front.png)" in page


def test_without_a_feasible_trial_nothing_is_recommended(tmp_path):
    write_found(content(), tmp_path)
    made = content(rows=ROWS[-1:])
    files = write_found(made, tmp_path)
    assert made.knee is None and not (tmp_path / made.study / "recommended.yaml").exists() and len(files) == 4
    assert "no trial meets every constraint: search longer, or loosen one" in files[1].read_text()
    assert read_found(files[0]) == made


def test_a_search_that_found_nothing_is_told_too(tmp_path):
    made = content(rows=[])
    files = write_found(made, tmp_path)
    assert [file.name for file in files] == ["front.json", "front.md"] and read_found(files[0]) == made


def test_the_figure_shades_what_is_forbidden_and_names_what_was_written_by_hand(tmp_path):
    from pipeline.report.figures import front, style
    with style.look():
        drawing, = front.draw(content())
        axes, = drawing.figure.axes
        assert [note.get_text() for note in axes.texts] == ["int8"]
        shaded = [patch for patch in axes.patches if patch.get_facecolor()[:3] == matplotlib_colour(RED)]
        assert sorted((patch.get_x(), patch.get_y()) for patch in shaded)[-1][0] == 5
        labels = [text.get_text() for text in drawing.figure.legends[0].get_texts()]
        assert len(labels) == 6 and len(set(labels)) == 6


def matplotlib_colour(name):
    from matplotlib.colors import to_rgb
    return to_rgb(name)


@pytest.mark.parametrize(("change", "said"), [
    ({"study": "../out"}, "study: String should match pattern"),
    ({"knee": {"trial": 3, "reason": "x"}}, "expected the knee to be a trial on the front, found 3"),
    ({"knee": None, "trials": -1}, "trials: Input should be greater than or equal to 0, found '-1'"),
    ({"extra": 1}, "unknown key extra"),
    ({"objectives": []}, "objectives: List should have at least 1 item"),
])
def test_a_front_that_is_none_is_one_line(tmp_path, change, said):
    file = tmp_path / "front.json"
    file.write_text(json.dumps({**content().model_dump(), **change}))
    with pytest.raises(EdgeError, match=said) as error:
        read_found(file)
    assert str(error.value).startswith(f"{file}: ")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"study": "a"', "\x00"])
def test_a_file_that_is_no_front(tmp_path, text):
    file = tmp_path / "front.json"
    file.write_text(text)
    with pytest.raises(EdgeError):
        read_found(file)
    with pytest.raises(EdgeError):
        read_found(tmp_path / "none.json")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_figure_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match="finite number"):
        Point(trial=1, recipe="", values={"a": value})


def test_a_recipe_that_is_none_is_told_with_its_trial(tmp_path):
    made = content()
    broken = made.model_copy(update={"points": [made.points[0].model_copy(update={"recipe": "steps: ["})]})
    with pytest.raises(EdgeError, match="trial 0: expected a recipe in YAML, found"):
        show(broken, io.StringIO())
