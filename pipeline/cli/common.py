"""Options that several subcommands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pipeline.profile import Profile, load_profile, parse_columns
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


def add_own(parser: argparse.ArgumentParser) -> None:
    """The user's own model and data in place of the profile's."""
    parser.add_argument("--model", default="", help="a model directory or hub id in place of the profile's base")
    parser.add_argument("--train-data", default="", help="your own training queries, .jsonl or .csv")
    parser.add_argument("--eval-data", default="", help="your own evaluation queries, .jsonl or .csv")
    add_columns(parser)


def profile_of(options: argparse.Namespace) -> Profile:
    """The profile named by `add_profile` with what `add_own` put in."""
    columns = parse_columns(options.columns)
    return load_profile(options.profile, options.model, options.train_data, options.eval_data, columns)


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
