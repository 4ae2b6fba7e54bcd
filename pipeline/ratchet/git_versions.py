"""A file as it stood at a git reference, and after each commit on the way from there to HEAD."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from pipeline.errors import EdgeError
from pipeline.yaml_file import read_yaml

Parsed = TypeVar("Parsed")
ENVIRONMENT = {"GIT_LITERAL_PATHSPECS": "1", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
FETCH = "fetch it: git fetch --unshallow, or fetch-depth: 0 in continuous integration"


@dataclass(frozen=True)
class Reference:
    """The commit to compare with: where the history of HEAD and that of the reference part.  ``name``: as it was asked for."""

    name: str
    commit: str
    root: Path

    def __str__(self) -> str:
        return f"{self.name} ({self.commit[:10]})"

    def inside(self, path: Path) -> str:
        """A path as git knows it, relative to the root; EdgeError outside of it."""
        try:
            return path.resolve().relative_to(self.root).as_posix()
        except ValueError:
            raise EdgeError(f"{path}: expected a path inside the repository {self.root}, found one outside; correct it") from None

    def files(self, directory: Path, suffix: str) -> list[Path]:
        """The files of this suffix that stood in a directory, at any depth, at the reference; absolute."""
        under = self.inside(directory)
        names = _git(self.root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", self.commit, *([f"{under}/"] if under != "." else []))
        return [self.root / name for name in os.fsdecode(names).split("\0") if name.endswith(suffix)]

    def versions(self, path: Path, parse: Callable[[dict[str, Any], str], Parsed]) -> list[Parsed]:
        """A YAML file at the reference and after each commit since that changed it, oldest first; [] without it there.

        parse: content and a name for errors -> version.  EdgeError when the version at the reference is not valid; one on
        the way that is not could not have been run, and is left out.
        """
        name = self.inside(path)
        first = self._text(self.commit, name)
        if first is None:
            return []
        try:
            found = [_parsed(first, f"{name} at {self}", parse)]
        except EdgeError as error:
            raise EdgeError(f"{error}; or compare with a later commit, where the file is valid") from None
        for commit in self._line(name):
            if (text := self._text(commit, name)) is not None:
                with suppress(EdgeError):
                    found.append(_parsed(text, f"{name} at {commit[:10]}", parse))
        return found

    def _line(self, name: str) -> list[str]:
        """Commits up to HEAD that changed the file, oldest first, each a descendant of the one before.

        Where lines were merged, the one that the file was taken from; where it has something of both, the first parent's,
        so that what the other brought arrives in one step with its reason.  Side by side, in topological order, a step
        from one line to the other would look like a change that nobody made; always the first parent would take a
        merged branch for one step, and the order of its loosening and its reason would be lost.
        """
        rows = _git(self.root, "rev-list", "--topo-order", "--parents", f"{self.commit}..HEAD", "--", name).decode().splitlines()
        parents = {commit: rest for commit, *rest in map(str.split, rows)}
        line: list[str] = []
        commit = next(iter(parents), "")
        while commit in parents:
            line.append(commit)
            commit = next(iter(parents[commit]), "")
        return line[::-1]

    def _text(self, commit: str, name: str) -> bytes | None:
        if not _git(self.root, "ls-tree", "--full-tree", commit, "--", name):
            return None
        return _git(self.root, "cat-file", "blob", f"{commit}:{name}")


def find_reference(name: str, near: Path) -> Reference:
    """The reference in the repository that holds the file ``near``; EdgeError when there is none, or it was not fetched."""
    directory = near.resolve().parent
    try:
        root = Path(os.fsdecode(_git(directory, "rev-parse", "--show-toplevel").rstrip(b"\n"))).resolve()
    except EdgeError as error:
        raise EdgeError(f"{directory}: expected a git working tree to compare in; {error}") from None
    try:
        commit = _commit(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except EdgeError:
        raise EdgeError(f"--against {name}: expected a commit of {root}, found none; {FETCH}; or correct the name") from None
    try:
        return Reference(name, _commit(root, "merge-base", commit, "HEAD"), root)
    except EdgeError:
        raise EdgeError(f"--against {name}: expected a commit that shares history with HEAD, found none; {FETCH}") from None


def _commit(root: Path, *words: str) -> str:
    found = _git(root, *words).decode().strip()
    if not re.fullmatch(r"[0-9a-f]{40,64}", found):
        raise EdgeError(f"git {words[0]}: expected one commit, found {found!r}")
    return found


def _git(directory: Path, *words: str) -> bytes:
    """What git answers on stdout; EdgeError with its own words when it refuses."""
    try:
        done = subprocess.run(["git", "-C", str(directory), *words], env={**os.environ, **ENVIRONMENT},
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        raise EdgeError(f"git: expected a program that runs, found: {error.strerror}; install git") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise EdgeError(f"git {words[0]}: expected an answer, found: {said[0] if said else 'nothing'}; check the repository")
    return done.stdout


def _parsed(text: bytes, where: str, parse: Callable[[dict[str, Any], str], Parsed]) -> Parsed:
    with TemporaryDirectory() as scratch:
        file = Path(scratch) / "version.yaml"
        file.write_bytes(text)
        try:
            content = read_yaml(file)
        except EdgeError as error:
            raise EdgeError(str(error).replace(str(file), where)) from None
    return parse(content, where)
