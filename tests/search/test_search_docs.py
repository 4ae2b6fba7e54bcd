"""docs/search.md: its commands are ones, its space is one, and its tables say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.cli import _parser
from pipeline.search.objectives import DEFAULT
from pipeline.search.samplers import make_sampler, sampler_names
from pipeline.search.space import load_space
from tests.search.drawing import objectives
from tests.tutorial import DOCS, files

PAGE = (DOCS / "search.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^(?:\$ )?edge (search [^#\n]*)", PAGE, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_one(command: str) -> None:
    assert _parser().parse_args(command.split()).command == "search"


def test_the_space_is_one(tmp_path: Path) -> None:
    (file := tmp_path / "two.yaml").write_text(files("search.md")["two.yaml"], encoding="utf-8")
    assert list(load_space(str(file)).stages) == ["layers", "healing", "bits"]


def test_the_samplers_and_their_settings() -> None:
    rows = re.findall(r"^\| `(\w+)`[^|]*\|[^|]*\|([^|]*)\|$", PAGE, re.MULTILINE)
    told = {name: dict(pair.split("=") for pair in re.findall(r"\w+=[\d.]+", settings)) for name, settings in rows}
    assert set(told) <= set(sampler_names()) and len(told) >= 5
    for name, settings in told.items():
        make_sampler(name, 1, objectives(), {key: float(value) if "." in value else int(value) for key, value in settings.items()})


def test_the_objectives_of_a_profile() -> None:
    rows = re.findall(r"^\| (behaviour|scale|both) \| (.*) \|$", PAGE, re.MULTILINE)
    names = {"behaviour": ("behaviour",), "scale": ("scale",), "both": ("behaviour", "scale")}
    assert {names[row]: tuple(re.findall(r"`(.*?)`", claims)) for row, claims in rows} == DEFAULT
