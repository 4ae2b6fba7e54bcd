"""Options that several subcommands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pipeline.store.place import STORE_VARIABLE, default_store, project_root

Subparsers = Any  # argparse keeps the type private
RESULTS, BASELINES = Path("reports/results.json"), Path("baselines")  # where a run leaves its record, and a project its baselines


def add_store(parser: argparse.ArgumentParser) -> None:
    """--store, with the default that pytest uses."""
    default = default_store(project_root(Path.cwd()))
    parser.add_argument("--store", type=Path, default=default, help=f"artifact store [${STORE_VARIABLE} or %(default)s]")


def add_profile(parser: argparse.ArgumentParser) -> None:
    """--profile, by name or path."""
    parser.add_argument("--profile", default="reference", help="a profile's name or the path of its YAML file [%(default)s]")


def add_columns(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--columns", default="", help="column names of your files, as query=text,intent=label")


def directory_of(key_or_directory: str, store: Path) -> Path:
    """A directory as it is named, or that of an artifact in the store."""
    from pipeline.store import Store
    directory = Path(key_or_directory)
    return directory if directory.is_dir() else Store(store).open(key_or_directory).path


def size(text: str) -> int:
    """Bytes from ``500MB`` or ``2GB`` (powers of ten)."""
    units = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "B": 1}
    for unit, factor in units.items():
        number = text.upper().removesuffix(unit)
        if number != text.upper() and number.strip().replace(".", "", 1).isdigit():
            return int(float(number) * factor)
    raise argparse.ArgumentTypeError(f"expected a size such as 500MB or 2GB, found {text!r}")
