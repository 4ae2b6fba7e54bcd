"""What pyproject.toml asks for and what constraints.txt pins go together, the extras included."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ASKED = [*PROJECT["dependencies"], *(text for extra in PROJECT["optional-dependencies"].values() for text in extra)]
REQUIREMENTS = [text for text in ASKED if not text.startswith(f"{PROJECT['name']}[")]  # an extra may hold another


@pytest.fixture(scope="module")
def pins() -> dict[str, str]:
    """Version by canonical name."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


@pytest.mark.parametrize("text", REQUIREMENTS)
def test_every_requirement_is_pinned_to_a_version_it_admits(text: str, pins: dict[str, str]) -> None:
    requirement = Requirement(text)
    name = canonicalize_name(requirement.name)
    assert name in pins, f"add {name} to constraints.txt"
    assert requirement.specifier.contains(pins[name], prereleases=True)


def test_nothing_is_pinned_twice(pins: dict[str, str]) -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]
    assert len(lines) == len(pins)
