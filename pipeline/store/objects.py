"""The store: `get` gives the one artifact that a Spec describes, verified from disk, else from the remote, else built.

Layout under the root: objects/KEY/{manifest.json, files/}, tmp/ (work of living processes), scratch/KEY/
(checkpoints of unfinished builds), locks/.  An artifact enters objects/ by one rename after its files and its manifest
are synced to disk.  Each folder is made when something is first written in it.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError, told
from pipeline.store import manifest as manifests
from pipeline.store.artifact import Artifact, DamagedError, Spec, Workspace
from pipeline.store.explain import explain
from pipeline.store.failures import check_writable, one_line_when_full, sync, sync_tree
from pipeline.store.host import host_facts
from pipeline.store.locks import Uses, building, try_building, unused
from pipeline.store.place import inside
from pipeline.store.prune import prune
from pipeline.store.remote import Remote

Artifacts, Keys, Phrases = list[Artifact], list[str], list[str]  # in the class, list is a method

_verified: dict[tuple[str, str], manifests.Fingerprint] = {}


class Store:
    """Artifacts under `root`, optionally shared through an fsspec URL (file:///…, s3://…).

    An artifact that a store object has given out is not pruned or removed by anybody until `close` or process end.
    """

    def __init__(self, root: Path, remote: str | None = None) -> None:
        self.root = Path(root).expanduser().absolute()
        self.objects, self.tmp, self.scratch, self.locks = (
            self.root / name for name in ("objects", "tmp", "scratch", "locks")
        )
        self.remote = Remote(remote) if remote else None
        self.uses = Uses(self.locks)

    def close(self) -> None:
        """Let go of all artifacts given out, so that they may be pruned."""
        self.uses.close()

    def check(self) -> None:
        """EdgeError unless the store can be used: whatever is asked of it, it writes a lock."""
        check_writable(self.locks)

    def key(self, spec: Spec) -> str:
        return manifests.key_of(manifests.determinants(spec))

    def holds(self, spec: Spec) -> bool:
        """Whether the artifact of `spec` lies here, whole or damaged."""
        return (self.objects / self.key(spec)).exists()

    def get(self, spec: Spec) -> Artifact:
        """The artifact of `spec`, built at most once whoever asks; EdgeError when it is damaged or cannot be built."""
        facts = manifests.determinants(spec)
        key = manifests.key_of(facts)
        with one_line_when_full(self.root):
            self.sweep()
            found = self._stored(key)
            if found is not None:
                return found
            with building(self.locks, key, spec.kind):
                found = self._stored(key) or self._pull(key)
                if found is not None:
                    return found
                found = self._build(spec, key, facts)
        if self.remote:
            self.remote.offer(found)
        return found

    def open(self, key: str) -> Artifact:
        """The stored artifact of that key or unique prefix (8 letters or more), verified."""
        full = self.resolve(key)
        found = self._stored(full)
        if found is None:
            raise EdgeError(f"expected an artifact {key} in {self.root}, found none; edge artifacts list shows them")
        return found

    def fetch(self, key: str) -> Artifact:
        """The artifact of that whole key from here or from the remote store, never built."""
        if not (self.objects / key).exists() and self.remote:
            with one_line_when_full(self.root), building(self.locks, key, "artifact"):
                if found := self._pull(key):
                    return found
        return self.open(key)

    def list(self) -> Artifacts:
        """All stored artifacts, oldest first, files not verified; kind "damaged" where the manifest is not readable."""
        found = [self._listed(key) for key in self._keys()]
        return sorted(found, key=lambda artifact: (artifact.manifest.get("started", ""), artifact.key))

    def verify(self, key: str) -> None:
        """Hash every file anew; EdgeError names each that has changed, is missing or is extra."""
        full = self.resolve(key)
        _verified.pop((str(self.objects), full), None)
        self.open(full)

    def explain(self, key: str) -> str:
        """What went into the key of a stored artifact and of its inputs, as an indented tree."""
        full = self.resolve(key)
        self._manifest(full)
        return explain(full, {artifact.key: artifact.manifest for artifact in self.list()})

    def prune(self, max_bytes: int) -> Keys:
        """Remove the least recently used until the store holds at most `max_bytes`; the keys removed, in order."""
        return prune(self, max_bytes)

    def remove(self, key: str) -> None:
        """Remove one artifact, damaged or not; EdgeError while a process builds or uses it."""
        full = self.resolve(key)
        self.uses.drop(full)
        with unused(self.locks, full) as free:
            if not free:
                raise EdgeError(f"artifact {full[:12]} is in use by a running process; end that process first")
            self.discard(full)

    def push(self, key: str) -> bool:
        """Copy a stored artifact, verified, to the remote; False when it is there already."""
        if self.remote is None:
            raise EdgeError("expected a remote URL to push to, found none; name one such as s3://bucket/artifacts")
        return self.remote.push(self.open(key))

    def resolve(self, prefix: str) -> str:
        """The one full key that starts with `prefix`."""
        if not re.fullmatch(r"[0-9a-f]{8,64}", prefix):
            raise EdgeError(f"expected 8 to 64 hexadecimal letters of an artifact's key, found {prefix!r}")
        matches = [key for key in self._keys() if key.startswith(prefix)]
        if len(matches) > 1:
            raise EdgeError(f"expected one artifact for {prefix}, found {len(matches)}; give more letters of its key")
        if not matches:
            raise EdgeError(f"expected an artifact {prefix} in {self.root}, found none; edge artifacts list shows them")
        return matches[0]

    def discard(self, key: str) -> None:
        """Take an artifact out of objects/ in one rename, then delete it.  The caller holds `unused`."""
        with self._temporary(key) as away:
            os.rename(self.objects / key, away / "removed")
        _verified.pop((str(self.objects), key), None)

    def _keys(self) -> Keys:
        return sorted(path.name for path in inside(self.objects) if manifests.KEY.fullmatch(path.name))

    def _artifact(self, manifest: dict[str, Any]) -> Artifact:
        key = manifest["key"]
        return Artifact(key, manifest["kind"], self.objects / key / manifests.FILES, manifest)

    def _listed(self, key: str) -> Artifact:
        try:
            return self._artifact(self._manifest(key))
        except EdgeError:
            return Artifact(key, "damaged", self.objects / key / manifests.FILES, {})

    def _manifest(self, key: str) -> dict[str, Any]:
        home = self.objects / key
        try:
            return manifests.parse((home / manifests.MANIFEST).read_bytes(), key, str(home))
        except EdgeError as error:
            raise DamagedError(f"{error}; {_mend(key)}") from None
        except OSError as error:
            raise DamagedError(
                f"expected a readable {manifests.MANIFEST} of artifact {key[:12]}, {error.strerror}; {_mend(key)}"
            ) from None

    def _stored(self, key: str) -> Artifact | None:
        """The artifact from disk, all files hashed unless this process has done so and nothing has changed since."""
        home = self.objects / key
        if not home.exists():
            return None
        self.uses.hold(key)
        if not home.exists():
            self.uses.drop(key)
            return None
        try:
            return self._checked(key, home)
        except BaseException:
            self.uses.drop(key)
            raise

    def _checked(self, key: str, home: Path) -> Artifact:
        manifest = self._manifest(key)
        wrong = self._faults(key, home, manifest)
        if wrong:
            more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            listed = "; ".join(wrong[:3]) + more
            raise DamagedError(f"{manifest['kind']} artifact {key[:12]} is damaged: {listed}; {_mend(key)}")
        return self._artifact(manifest)

    def _faults(self, key: str, home: Path, manifest: Mapping[str, Any]) -> Phrases:
        try:
            sign = manifests.fingerprint(home)
            if _verified.get((str(self.objects), key)) == sign:
                return []
            wrong = manifests.faults(home / manifests.FILES, manifest)
        except EdgeError as error:
            return [str(error)]
        except OSError as error:
            return [told(error)]
        if not wrong:
            _verified[(str(self.objects), key)] = sign
        return wrong

    def _build(self, spec: Spec, key: str, facts: dict[str, Any]) -> Artifact:
        started, clock = datetime.now(UTC), time.monotonic()
        scratch = self.scratch / key
        scratch.mkdir(parents=True, exist_ok=True)
        with self._temporary(key) as home:
            out = home / manifests.FILES
            out.mkdir()
            spec.build(Workspace(out, scratch))
            _drop_empty_folders(out)
            files = manifests.describe(out)
            if not files:
                raise EdgeError(f"expected the builder of {spec.kind} to write files, found none in its output")
            manifests.refuse_hostile(list(files), spec.kind)
            manifest = {
                **facts,
                "key": key,
                "files": files,
                "host": host_facts(),
                "started": started.isoformat(timespec="seconds"),
                "duration_s": round(time.monotonic() - clock, 3),
            }
            self._commit(home, key, manifests.render(manifest))
        shutil.rmtree(scratch, ignore_errors=True)
        return self._trusted(key)

    def _pull(self, key: str) -> Artifact | None:
        fetched = self.remote.manifest(key) if self.remote else None
        if self.remote is None or fetched is None:
            return None
        with self._temporary(key) as home:
            if not self.remote.pull(fetched, home / manifests.FILES):
                return None
            self._commit(home, key, manifests.render(fetched))
        return self._trusted(key)

    def _commit(self, home: Path, key: str, manifest: bytes) -> None:
        (home / manifests.MANIFEST).write_bytes(manifest)
        sync_tree(home)
        self.objects.mkdir(exist_ok=True)
        os.rename(home, self.objects / key)
        sync(self.objects)

    def _trusted(self, key: str) -> Artifact:
        """An artifact this process has just hashed and committed."""
        self.uses.hold(key)
        _verified[(str(self.objects), key)] = manifests.fingerprint(self.objects / key)
        return self._artifact(self._manifest(key))

    @contextmanager
    def _temporary(self, key: str) -> Iterator[Path]:
        """A fresh folder in tmp/, gone afterwards, whatever happens.  The caller holds the build lock of `key`."""
        folder = self.tmp / f"{key}.{secrets.token_hex(8)}"
        try:
            folder.mkdir(parents=True)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what dead processes left: tmp/ folders, and scratch of artifacts that were finished after all."""
        self._sweep_folder(self.tmp, lambda key: True)
        self._sweep_folder(self.scratch, lambda key: (self.objects / key).exists())

    def _sweep_folder(self, folder: Path, is_left: Callable[[str], bool]) -> None:
        for path in inside(folder):
            key = path.name.partition(".")[0]
            if not manifests.KEY.fullmatch(key) or not is_left(key):
                continue
            with try_building(self.locks, key) as free:
                if free:
                    shutil.rmtree(path, ignore_errors=True)


def _drop_empty_folders(folder: Path) -> None:
    """Folders without files would be lost on the way through a remote, so they are never part of an artifact."""
    for current, _, _ in os.walk(folder, topdown=False):
        if Path(current) != folder:
            with suppress(OSError):
                os.rmdir(current)


def _mend(key: str) -> str:
    return f"edge artifacts verify {key[:12]} tells more, edge artifacts remove {key[:12]} lets it be made anew"
