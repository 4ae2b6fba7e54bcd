"""A store shared through fsspec: URL/KEY/manifest.json names a folder URL/KEY/SEAL/ that holds the files.

The folder carries the manifest's seal, so two hosts that push at once never mix their files, and the manifest, written
last, is the commit: what it does not name does not exist.
"""

from __future__ import annotations

import hashlib
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError
from pipeline.progress import track
from pipeline.store import manifest as manifests
from pipeline.store.artifact import Artifact

CHUNK = 8 << 20
QUIET_BELOW = 64 << 20


class Remote:
    """One fsspec URL.  When it cannot be reached this is said once and the work goes on without it."""

    def __init__(self, url: str) -> None:
        from fsspec.core import url_to_fs

        try:
            self._fs, self._base = url_to_fs(url)
        except Exception as error:  # what a protocol's own code raises for an address that it cannot read
            raise EdgeError(f"expected a remote such as file:///… or s3://…, {url} gave: {_reason(error)}; correct --store-url") from None
        self.url = url
        self._down = False

    def manifest(self, key: str) -> dict[str, Any] | None:
        """The verified manifest of `key`; None when the remote has none or cannot be reached."""
        if self._down:
            return None
        try:
            data = self._fs.cat_file(f"{self._base}/{key}/{manifests.MANIFEST}")
        except FileNotFoundError:
            return None
        except Exception as error:
            self._unreachable(error)
            return None
        return manifests.parse(data, key, f"{self.url}/{key}")

    def pull(self, manifest: Mapping[str, Any], target: Path) -> bool:
        """Copy all files of a manifest below `target`, each verified on the way; False when the remote fails.

        EdgeError when a file is missing there or is not what the manifest says.
        """
        key, files = manifest["key"], manifest["files"]
        with _progress(f"fetching {manifest['kind']} {key[:12]}", sum(e["bytes"] for e in files.values())) as advance:
            for name, entry in files.items():
                local = target / name
                local.parent.mkdir(parents=True, exist_ok=True)
                try:
                    source = self._fs.open(f"{self._folder(manifest)}/{name}", "rb")
                except FileNotFoundError:
                    raise EdgeError(self._refusal(key, name, "is missing")) from None
                except Exception as error:
                    self._unreachable(error)
                    return False
                with source:
                    if not self._receive(source, local, entry, f"{key}/{name}", advance):
                        return False
        return True

    def offer(self, artifact: Artifact) -> None:
        """Copy an artifact up unless it is there; a remote that fails is a warning, never an error."""
        if self._down:
            return
        try:
            self._copy_up(artifact)
        except Exception as error:
            self._unreachable(error)

    def push(self, artifact: Artifact) -> bool:
        """Copy an artifact up; False when it is there already, EdgeError when the remote fails."""
        try:
            return self._copy_up(artifact)
        except Exception as error:
            raise EdgeError(
                f"expected to write to the remote store {self.url}, found {_reason(error)}; mend its address or your access to it"
            ) from error

    def _copy_up(self, artifact: Artifact) -> bool:
        manifest, home = artifact.manifest, f"{self._base}/{artifact.key}"
        folder = self._folder(manifest)
        if self._fs.exists(f"{home}/{manifests.MANIFEST}"):
            return False
        try:
            self._send(artifact, folder)
            self._commit(home, manifests.render(manifest))
        except BaseException:
            with suppress(Exception):
                self._fs.rm(folder, recursive=True)
            raise
        return True

    def _folder(self, manifest: Mapping[str, Any]) -> str:
        return f"{self._base}/{manifest['key']}/{manifest['seal'][:32]}"

    def _send(self, artifact: Artifact, folder: str) -> None:
        with _progress(f"sending {artifact.kind} {artifact.key[:12]}", artifact.size) as advance:
            for name in artifact.manifest["files"]:
                path = f"{folder}/{name}"
                self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
                with open(artifact.path / name, "rb") as source, self._fs.open(path, "wb") as target:
                    while chunk := source.read(CHUNK):
                        target.write(chunk)
                        advance(len(chunk))

    def _commit(self, home: str, data: bytes) -> None:
        final = f"{home}/{manifests.MANIFEST}"
        if "file" not in self._fs.protocol:
            self._fs.pipe_file(final, data)
            return
        part = f"{final}.{secrets.token_hex(6)}.part"
        self._fs.pipe_file(part, data)
        self._fs.mv(part, final)

    def _receive(
        self, source: Any, local: Path, entry: Mapping[str, Any], shown: str, advance: Callable[[int], None]
    ) -> bool:
        """Copy one file, never more bytes than promised; False when the remote fails midway."""
        digest, left = hashlib.sha256(), entry["bytes"]
        with open(local, "wb") as target:
            while True:
                try:
                    chunk = source.read(min(CHUNK, left + 1))
                except Exception as error:
                    self._unreachable(error)
                    return False
                left -= len(chunk)
                if not chunk or left < 0:
                    break
                digest.update(chunk)
                target.write(chunk)
                advance(len(chunk))
        if left != 0 or digest.hexdigest() != entry["sha256"]:
            key, _, name = shown.partition("/")
            raise EdgeError(self._refusal(key, name, "is not what its manifest says"))
        return True

    def _refusal(self, key: str, name: str, what: str) -> str:
        return (
            f"the remote artifact {self.url}/{key} is damaged: {name} {what}; refused: remove it there, "
            "or run without the remote"
        )

    def _unreachable(self, error: Exception) -> None:
        self._down = True
        print(f"warning: the remote store {self.url} cannot be used ({_reason(error)}); going on without it", file=sys.stderr)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def _progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar in MiB for a long copy, nothing for a short one; yields the function that takes bytes done."""
    if total < QUIET_BELOW:
        yield lambda count: None
        return
    done = 0
    with track(f"{label} (MiB)", total >> 20) as bar:

        def advance(count: int) -> None:
            nonlocal done
            done += count
            bar.update(done >> 20)

        yield advance
