"""What determines an artifact, as stable text: canonical JSON, hashes of files, of source code and of libraries."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError

PLUMBING = ("pipeline.errors", "pipeline.store", "pipeline.digest", "pipeline.progress")
DATA_SUFFIXES = frozenset({".yaml", ".yml", ".json", ".jsonl", ".jinja", ".txt"})


def canonical(value: Any) -> str:
    """The one JSON text of `value`: sorted keys, no spaces, ASCII.  EdgeError for what JSON cannot say exactly."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def plain(value: Any, where: str = "config") -> Any:
    """`value` as dicts with text keys, lists, text, numbers, booleans and null; EdgeError names what is not."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        if not value.isascii() and value.encode("utf-8", "ignore").decode("utf-8") != value:
            raise EdgeError(f"{where}: expected text that UTF-8 can hold, found {value!r}")
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise EdgeError(f"{where}: expected text as a key, found {name!r}; write it as text")
        return {plain(name, where): plain(item, f"{where}.{name}") for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise EdgeError(
        f"{where}: expected text, a finite number, a boolean, null, a list or a mapping, found {value!r} "
        f"({type(value).__name__}); convert it (a path or an object says nothing about content)"
    )


def sha256_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes."""
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def directory_digest(folder: Path) -> str:
    """sha256 over the names and contents of all files below `folder`, hidden ones left out, links followed."""
    files = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    shown = {name: path for name, path in files.items() if not any(part.startswith(".") for part in name.parts)}
    return sha256_text(canonical({name.as_posix(): _known_digest(path) for name, path in shown.items()}))


def _known_digest(path: Path) -> str:
    stat = path.stat()
    return _digest_once(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1024)
def _digest_once(path: Path, _mtime_ns: int, _size: int) -> str:
    return file_digest(path)


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Installed version by canonical distribution name, without the local part: 2.13.0+cpu and 2.13.0+cu130 are one."""
    from packaging.utils import canonicalize_name

    versions = {}
    for name in names:
        try:
            versions[str(canonicalize_name(name))] = metadata.version(name).partition("+")[0]
        except metadata.PackageNotFoundError:
            raise EdgeError(f"expected the package {name} to be installed, found none; pip install {name}") from None
    return versions


def code_digest(sources: Mapping[str, str]) -> str:
    return sha256_text(canonical(sources))


def code_sources(modules: Iterable[str]) -> dict[str, str]:
    """sha256 by path of the modules' source and of all that they import from their own top-level package.

    Imports are read from the syntax tree, transitively; nothing is executed.  Data files beside a module (and in
    data folders under it, those without Python files) count too.  Paths are relative to the package's parent.
    """
    reached = _reach(modules)
    files: set[tuple[Path, Path]] = set()
    for module, path in reached.items():
        root = _package_parent(module)
        files.add((root, path))
        if path.parent != root:
            files.update((root, data) for data in _data_files(path.parent))
        files.update((root, init) for init in _ancestors(root, path))
    return {path.relative_to(root).as_posix(): _file_facts(path)[0] for root, path in files}


def _reach(modules: Iterable[str]) -> dict[str, Path]:
    reached: dict[str, Path] = {}
    waiting = list(modules)
    for module in waiting:
        if _locate(module) is None:
            raise EdgeError(f"expected a module {module}, found no source for it; correct the name in the spec's code")
    while waiting:
        module = waiting.pop()
        path = None if module in reached or _is_plumbing(module) else _locate(module)
        if path is None:
            continue
        reached[module] = path
        waiting += _imported(module, path)
        for init in _ancestors(_package_parent(module), path):
            package = ".".join(init.parent.relative_to(_package_parent(module)).parts)
            waiting += _imported(package, init)
    return reached


def _is_plumbing(module: str) -> bool:
    return any(module == name or module.startswith(name + ".") for name in PLUMBING)


def _imported(module: str, path: Path) -> Iterator[str]:
    """The dotted names that a file may import from its own top-level package (some are attributes, not modules)."""
    top = module.partition(".")[0]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for level, origin, names in _file_facts(path)[1]:
        if level:
            base = package.split(".")[: len(package.split(".")) - level + 1]
            origin = ".".join([*base, origin] if origin else base)
        if origin.partition(".")[0] == top:
            yield origin
            yield from (f"{origin}.{name}" for name in names)


@lru_cache(maxsize=4096)
def _read_facts(path: Path, _mtime_ns: int, _size: int) -> tuple[str, tuple[tuple[int, str, tuple[str, ...]], ...]]:
    text = path.read_bytes().replace(b"\r\n", b"\n")
    digest = hashlib.sha256(text).hexdigest()
    if path.suffix != ".py":
        return digest, ()
    try:
        tree = ast.parse(text, filename=str(path))
    except SyntaxError as error:
        raise EdgeError(f"expected Python source in {path}, found a syntax error in line {error.lineno}") from None
    found: list[tuple[int, str, tuple[str, ...]]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(0, alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.level, node.module or "", tuple(alias.name for alias in node.names)))
    return digest, tuple(found)


def _file_facts(path: Path) -> tuple[str, tuple[tuple[int, str, tuple[str, ...]], ...]]:
    """(sha256, imports as (level, module, names)) of one file, read again only when it changed."""
    stat = path.stat()
    return _read_facts(path, stat.st_mtime_ns, stat.st_size)


def _package_parent(module: str) -> Path:
    found = _top_level(module.partition(".")[0])
    if found is None:
        raise EdgeError(f"expected a module {module}, found no source for it; correct the name in the spec's code")
    return found[0]


def _top_level(name: str) -> tuple[Path, Path] | None:
    """(folder that holds it, its source file) of a top-level module or package, found without running it."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    source = Path(spec.origin)
    return (source.parent.parent if source.name == "__init__.py" else source.parent), source


def _locate(module: str) -> Path | None:
    top, _, rest = module.partition(".")
    found = _top_level(top)
    if found is None or not rest:
        return found[1] if found else None
    stem = found[0].joinpath(*module.split("."))
    candidates = (stem / "__init__.py", stem.with_name(stem.name + ".py"))
    return next((path for path in candidates if path.is_file()), None)


def _ancestors(root: Path, path: Path) -> Iterator[Path]:
    folder = path.parent
    while folder != root:
        init = folder / "__init__.py"
        if init.is_file():
            yield init
        folder = folder.parent


def _data_files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_file() and path.suffix in DATA_SUFFIXES:
            yield path
        elif path.is_dir() and not path.name.startswith((".", "__")) and not any(path.glob("*.py")):
            yield from _data_files(path)
