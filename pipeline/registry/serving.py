"""The files of a registered version on this machine, to be served: fetched once, and looked through at every start."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.errors import EdgeError
from pipeline.registry.registry import Registry
from pipeline.registry.version import DECISION, MODEL
from pipeline.store import manifest as manifests


def to_serve(registry: Registry, name: str, version_or_alias: str, place: Path) -> tuple[Path, Path | None]:
    """The directories of a version's model and of its decision, if it has one, below ``place``; EdgeError unless they are whole."""
    parts = registry.parts(registry.version(name, version_or_alias))
    model = _held(registry, parts[MODEL], place)
    return model, _held(registry, parts[DECISION], place) if DECISION in parts else None


def _held(registry: Registry, key: str, place: Path) -> Path:
    folder, wanted = place / key, {"files": registry.content.files(key)}
    if folder.is_dir() and not manifests.faults(folder, wanted):
        return folder
    try:
        place.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        with TemporaryDirectory(dir=place) as made:
            registry.content.get(key, Path(made) / "files")
            with suppress(FileExistsError):  # another server fetched it at the same time
                os.rename(Path(made) / "files", folder)
    except OSError as error:
        raise EdgeError(f"expected to write the model to {folder}, found {error.strerror or error}; free space or mend it") from None
    return folder
