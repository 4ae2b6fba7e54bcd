"""Which files of weights are finished: after kill -9 or a power cut, work goes on behind the last one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from pipeline.atomic import write_atomically
from pipeline.digest import canonical, file_digest
from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object
from pipeline.store.failures import sync

FILE = "journal.json"


class Journal:
    """Of the files in ``folder``: the digest of each that is finished, by its name."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._digests = self._read()

    def holds(self, name: str) -> bool:
        """Whether the file was finished and is still as it was written."""
        file = self._folder / name
        return name in self._digests and file.is_file() and file_digest(file) == self._digests[name]

    def write(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        """Write the file whole; EdgeError when the disk refuses."""
        part = self._folder / f"{name}.part"
        try:
            save_file(dict(tensors), part, metadata={"format": "pt"})
            part.chmod(0o644)  # the library lets only the owner read
            sync(part)
        except (SafetensorError, OSError) as error:
            part.unlink(missing_ok=True)
            raise EdgeError(f"{self._folder / name}: expected to write the file, found {error}; free space or check the folder") from None
        digest = file_digest(part)
        os.replace(part, self._folder / name)
        self._digests[name] = digest
        write_atomically(self._folder / FILE, canonical(self._digests), durable=True)

    def _read(self) -> dict[str, str]:
        try:
            found = read_object(self._folder / FILE, "the finished files")
        except EdgeError:  # none, or one that a crash left broken: all is made anew
            return {}
        return {name: digest for name, digest in found.items() if isinstance(digest, str)}
