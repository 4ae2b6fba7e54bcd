"""Python, the packages and ms-swift."""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.doctor.finding import Checks, Finding
from pipeline.errors import EdgeError

ROOT = Path(__file__).parents[2]
INSTALL = "pip install -c constraints.txt -e . in the repository's root"


def checks() -> Checks:
    return {"python": _python, "packages": _packages, "ms-swift": _swift}


def _python() -> Finding:
    found = platform.python_version()
    if sys.version_info[:2] == (3, 11):
        return Finding("python", "ok", found)
    return Finding("python", "fail", f"{found} instead of 3.11", "make the environment with Python 3.11")


def _packages() -> Finding:
    required, pinned = _required(), _constraints()
    if not required and not pinned:
        return Finding("packages", "warn", "no constraints.txt to compare with", "run in a clone of the repository")
    versions = {name: version(name) for name in sorted(required or pinned)}
    missing = [name for name, found in versions.items() if found is None]
    if missing:
        return Finding("packages", "fail", f"not installed: {', '.join(missing)}", INSTALL)
    differ = [
        f"{name} {found} instead of {pinned[name]}"
        for name in sorted(pinned)
        if (found := version(name)) is not None and not pinned[name].contains(found, prereleases=True)
    ]
    if differ:
        return Finding("packages", "warn", "; ".join(differ), INSTALL)
    return Finding("packages", "ok", f"{len(versions)} required, all as in constraints.txt")


def version(name: str) -> str | None:
    """The installed version of a distribution, None where there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _required() -> set[str]:
    """Names of the project's own dependencies on this system; none without a pyproject.toml."""
    import tomllib

    path = ROOT / "pyproject.toml"
    if not path.is_file():
        return set()
    return set(_parsed(tomllib.loads(path.read_text(encoding="utf-8")).get("project", {}).get("dependencies", [])))


def _constraints() -> dict[str, Any]:
    path = ROOT / "constraints.txt"
    return _parsed(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else {}


def _parsed(lines: Sequence[str]) -> dict[str, Any]:
    """Version specifier by canonical name, for the lines whose marker fits this system."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    found = {}
    for line in lines:
        text = line.partition(" #")[0].strip()
        if not text or text.startswith(("#", "-")):
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            raise EdgeError(f"constraints.txt: expected a line such as torch==2.13.0, found {text!r}") from None
        if requirement.marker is None or requirement.marker.evaluate():
            found[str(canonicalize_name(requirement.name))] = requirement.specifier
    return found


def _swift() -> Finding:
    try:
        found = importlib.util.find_spec("swift.cli.sft")
    except ImportError:
        found = None
    if found is None:
        return Finding("ms-swift", "fail", "swift.cli.sft is not importable", INSTALL)
    return Finding("ms-swift", "ok", f"swift.cli.sft of {version('ms-swift') or 'an unknown version'}")
