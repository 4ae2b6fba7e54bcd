"""What comes with the project as one YAML file each, by its name: profiles, recipes, spaces, devices."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import EdgeError


def names_in(folder: Path) -> list[str]:
    """The names that have a file in ``folder``."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def named_file(kind: str, name: str, folder: Path) -> Path:
    """The file of a name in ``folder``, or the path that is given where it ends in .yaml or .yml; EdgeError for an unknown name."""
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    if name not in (known := names_in(folder)):
        raise EdgeError(f"{kind} {name[:80]!r}: expected one of {', '.join(known)}, or the path of a .yaml file")
    return folder / f"{name}.yaml"
