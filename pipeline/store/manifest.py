"""The manifest of an artifact: what determined it, what it holds, and the check that both are still true."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.digest import canonical, code_digest, code_sources, file_digest, library_versions, plain, sha256_text
from pipeline.errors import EdgeError
from pipeline.store.artifact import Spec

VERSION = 1
FILES, MANIFEST = "files", "manifest.json"
DETERMINANTS = ("version", "kind", "config", "inputs", "code", "libraries")
Fingerprint = tuple[tuple[str, int, int, int], ...]
KEY = re.compile(r"[0-9a-f]{64}")


def determinants(spec: Spec) -> dict[str, Any]:
    """All that goes into the key, and `sources`, the sha256 by file behind `code`."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", spec.kind):
        raise EdgeError(f"expected a kind of small letters, digits, '_', '.' and '-', found {spec.kind!r}; rename it")
    sources = code_sources(spec.code)
    return {
        "version": VERSION,
        "kind": spec.kind,
        "config": plain(spec.config),
        "inputs": {role: artifact.key for role, artifact in spec.inputs.items()},
        "code": code_digest(sources),
        "libraries": library_versions(spec.libraries),
        "sources": sources,
    }


def key_of(manifest: Mapping[str, Any]) -> str:
    return sha256_text(canonical({name: manifest[name] for name in DETERMINANTS}))


def render(manifest: Mapping[str, Any]) -> bytes:
    """The one byte form of a manifest, with a seal over itself, so that no byte of it can change unseen."""
    body = {name: value for name, value in manifest.items() if name != "seal"}
    sealed = {**body, "seal": sha256_text(canonical(body))}
    return (json.dumps(sealed, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def parse(data: bytes, key: str, where: str) -> dict[str, Any]:
    """A manifest read from `data`; EdgeError when it is not the sealed manifest of `key` or names a hostile path."""
    try:
        manifest = json.loads(data)
        intact = isinstance(manifest, dict) and render(manifest) == data and key_of(manifest) == key == manifest["key"]
        names = [str(name) for name, entry in manifest["files"].items() if KEY.fullmatch(entry["sha256"])]
        intact = intact and len(names) == len(manifest["files"]) > 0
        intact = intact and all(type(entry["bytes"]) is int for entry in manifest["files"].values())
    except (ValueError, KeyError, TypeError, AttributeError, EdgeError, RecursionError):
        intact = False
    if not intact:
        raise EdgeError(f"{where}: {MANIFEST} of artifact {key[:12]} is damaged (not the sealed manifest of that key)")
    refuse_hostile(names, where)
    return manifest


def refuse_hostile(names: list[str], where: str) -> None:
    """EdgeError for a file name that could leave the artifact's directory or mean two things on two systems."""
    seen: dict[str, str] = {}
    for name in names:
        parts = PurePosixPath(name).parts
        clean = name == "/".join(parts) and ".." not in parts and not name.startswith("/")
        if not clean or "\\" in name or ":" in name or any(ord(letter) < 32 for letter in name) or not parts:
            raise EdgeError(f"{where}: expected a relative file path inside the artifact, found {name!r}; refused")
        if (other := seen.setdefault(name.casefold(), name)) != name:
            raise EdgeError(f"{where}: {other!r} and {name!r} are one file where case does not count; rename one")


def walk(folder: Path) -> dict[str, os.stat_result]:
    """Every regular file under `folder` by relative POSIX path; EdgeError for links and special files."""
    found: dict[str, os.stat_result] = {}
    waiting = [(folder, "")]
    while waiting:
        current, prefix = waiting.pop()
        with os.scandir(current) as entries:
            for entry in entries:
                name = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((Path(entry.path), name + "/"))
                elif entry.is_file(follow_symlinks=False):
                    found[name] = entry.stat(follow_symlinks=False)
                else:
                    raise EdgeError(f"expected plain files in {folder}, found {name} (a link or a special file)")
    return found


def describe(folder: Path) -> dict[str, dict[str, Any]]:
    """{relative path: {sha256, bytes}} of all files under `folder`."""
    sizes = {name: stat.st_size for name, stat in walk(folder).items()}
    return {name: {"sha256": file_digest(folder / name), "bytes": sizes[name]} for name in sorted(sizes)}


def faults(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """What differs between the files under `folder` and the manifest, one phrase a file; empty when all is well."""
    wanted = manifest["files"]
    try:
        present = walk(folder)
    except FileNotFoundError:
        return [f"{FILES}/ is missing"]
    except EdgeError as error:
        return [str(error)]
    found = [f"{name} is missing" for name in wanted if name not in present]
    found += [f"{name} is extra" for name in sorted(present) if name not in wanted]
    for name in sorted(wanted.keys() & present.keys()):
        size = present[name].st_size
        if size != wanted[name]["bytes"]:
            found.append(f"{name} has {size} bytes instead of {wanted[name]['bytes']}")
        elif file_digest(folder / name) != wanted[name]["sha256"]:
            found.append(f"{name} has changed (sha256 differs)")
    return found


def fingerprint(home: Path) -> Fingerprint:
    """Cheap sign of change of an artifact's home directory: (path, inode, size, mtime in ns) of every file."""
    stats = sorted(walk(home).items())
    return tuple((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
