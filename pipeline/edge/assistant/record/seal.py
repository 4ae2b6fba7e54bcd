"""Whether a file is, byte for byte, what was closed."""

from __future__ import annotations

from pathlib import Path

from pipeline.atomic import write_atomically
from pipeline.digest import file_digest


def seal(path: Path) -> None:
    """Write the file's sha256 beside it."""
    write_atomically(_beside(path), file_digest(path))


def sealed(path: Path) -> bool:
    """Whether no byte has changed since `seal`."""
    try:
        return not path.is_symlink() and _beside(path).read_bytes() == file_digest(path).encode()
    except OSError:
        return False


def unseal(path: Path) -> None:
    _beside(path).unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_suffix(".seal")
