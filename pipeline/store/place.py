"""Where a store lies unless told otherwise, one answer for pytest and for the command line, and what lies in its folders."""

from __future__ import annotations

import os
from pathlib import Path

STORE_VARIABLE, REMOTE_VARIABLE = "EDGE_STORE", "EDGE_STORE_URL"


def default_store(root: Path) -> Path:
    """The store of the project in `root`."""
    return Path(os.environ.get(STORE_VARIABLE) or root / ".edge" / "store")


def default_remote() -> str:
    """The shared store's URL; empty when there is none."""
    return os.environ.get(REMOTE_VARIABLE, "")


def project_root(start: Path) -> Path:
    """The nearest folder, `start` or one above it, with a pytest.ini, which pytest calls rootdir; else `start`."""
    return next((folder for folder in (start, *start.parents) if (folder / "pytest.ini").is_file()), start)


def inside(folder: Path) -> list[Path]:
    """The entries of a store's folder, sorted; none where nothing was ever written."""
    return sorted(folder.iterdir()) if folder.is_dir() else []
