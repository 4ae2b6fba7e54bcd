"""Options that several subcommands share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from pipeline.store import Store

Subparsers = Any  # argparse keeps the type private


def add_store(parser: argparse.ArgumentParser) -> None:
    """--store and --store-url, with the defaults that pytest uses."""
    parser.add_argument("--store", type=Path, default=Path(os.environ.get("EDGE_STORE") or ".edge/store"), help="[%(default)s]")
    parser.add_argument("--store-url", default=os.environ.get("EDGE_STORE_URL") or None, help="shared store, an fsspec URL")


def open_store(options: argparse.Namespace) -> Store:
    return Store(options.store, options.store_url)


def size(text: str) -> int:
    """Bytes from ``500MB`` or ``2GB`` (powers of ten)."""
    units = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "B": 1}
    for unit, factor in units.items():
        number = text.upper().removesuffix(unit)
        if number != text.upper() and number.strip().replace(".", "", 1).isdigit():
            return int(float(number) * factor)
    raise argparse.ArgumentTypeError(f"expected a size such as 500MB or 2GB, found {text!r}")
