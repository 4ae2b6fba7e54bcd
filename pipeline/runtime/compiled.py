"""Where what Core ML compiles is kept, so that a model is compiled once for a machine and not at every start."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import EdgeError

FOLDER_VARIABLE = "EDGE_COREML_CACHE"


def compiled(source: Path, suffix: str, compile_to: Callable[[Path], object]) -> Path:
    """The compiled form of the model file or package ``source``, made by ``compile_to(path)`` where it is not there yet.

    Its place is always the same for the same source, for the system keeps what it makes of it for the Neural Engine by that place.
    Whole or not at all, whoever else compiles at the same time; what was compiled of an earlier content of ``source``, or by another
    build of the system, goes.  EdgeError when it cannot be compiled or kept.
    """
    place = place_of(source, suffix)
    folder = place.parent
    if place.exists():
        return place
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=folder) as scratch:
            made = Path(scratch) / f"model{suffix}"
            _compile(source, made, compile_to)
            _forget_older(folder)
            if not place.exists():  # another process may have been faster
                os.replace(made, place)
    except OSError as error:
        if not place.exists():
            raise EdgeError(f"{folder}: expected to keep the compiled model, found {error.strerror or error}; free space or set "
                            f"{FOLDER_VARIABLE} to a folder") from None
    return place


def place_of(source: Path, suffix: str) -> Path:
    """Where what is compiled of the present content of ``source``, by this build of the system, belongs."""
    root = os.environ.get(FOLDER_VARIABLE) or Path.home() / "Library" / "Caches" / "edge-acceptance"
    return Path(root) / hashlib.sha256(os.fsencode(source.resolve())).hexdigest()[:16] / f"{_state(source)}{suffix}"


def _compile(source: Path, made: Path, compile_to: Callable[[Path], object]) -> None:
    try:
        compile_to(made)
    except EdgeError:
        raise
    except Exception as error:  # coremltools' errors share no other base class
        reason = " ".join(str(error).split()) or type(error).__name__
        raise EdgeError(f"{source}: expected a model that Core ML compiles, found {reason:.300}; export it again") from error
    if not made.exists():
        raise EdgeError(f"{source}: expected a compiled model, found none; export it again")


def _forget_older(folder: Path) -> None:
    for older in folder.iterdir():
        if not older.name.startswith("."):
            shutil.rmtree(older, ignore_errors=True)


def _state(source: Path) -> str:
    """The content by names, sizes and times, and the system's build: enough to know that it was compiled from this, for it."""
    files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
    try:
        facts = [(str(path.relative_to(source)), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    except OSError as error:
        raise EdgeError(f"{source}: expected a model, found {error.strerror or error}; export it again") from None
    return hashlib.sha256(repr((facts, platform.version())).encode()).hexdigest()[:16]
