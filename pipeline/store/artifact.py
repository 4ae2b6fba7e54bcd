"""The three nouns of the store: what is wanted (Spec), where it is made (Workspace), what came out (Artifact)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError


class DamagedError(EdgeError):
    """A stored artifact is not, or cannot be shown to be, what its manifest says."""


@dataclass(frozen=True)
class Artifact:
    """A verified directory of files.  `path` holds exactly what the builder wrote; the manifest lies beside it."""

    key: str
    kind: str
    path: Path = field(compare=False)
    manifest: Mapping[str, Any] = field(compare=False, repr=False)

    def file(self, name: str) -> Path:
        """The file of that relative POSIX path; EdgeError when the artifact has none."""
        if name not in self.manifest.get("files", {}):
            have = ", ".join(sorted(self.manifest.get("files", {}))[:8]) or "no files"
            raise EdgeError(f"expected {name} in the {self.kind} artifact {self.key[:12]}, found {have}")
        return self.path / name

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry["bytes"] for entry in self.manifest.get("files", {}).values())


@dataclass(frozen=True)
class Workspace:
    """`out` starts empty and becomes the artifact; `scratch`, for checkpoints, survives a failed or killed build."""

    out: Path
    scratch: Path


@dataclass(frozen=True)
class Spec:
    """What an artifact is made of.

    `config` must be JSON; `inputs` are artifacts by role; `code` names the dotted modules whose source (with all they
    import from their package) determines the result; `libraries` the distributions whose version does.
    """

    kind: str
    build: Callable[[Workspace], None]
    config: Mapping[str, Any]
    inputs: Mapping[str, Artifact] = field(default_factory=dict)
    code: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
