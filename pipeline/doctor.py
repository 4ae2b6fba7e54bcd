"""Is this machine ready?  One finding a line, each with what to do."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from pipeline.base.hub import check_model_directory, local_directory
from pipeline.errors import EdgeError
from pipeline.store.failures import check_writable

ROOT = Path(__file__).parents[1]
GB = 1e9
INSTALL = "pip install -c constraints.txt -e . in the repository's root"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it stands, what was found and what to do about it (empty when there is nothing)."""

    name: str
    state: Literal["ok", "warn", "fail"]
    found: str
    do: str = ""


def examine(profile: Mapping[str, Any], store_root: Path) -> list[Finding]:
    """Every check of this machine for `profile` (a profile's plain mapping)."""
    checks: dict[str, Callable[[], Finding]] = {
        "python": _python,
        "packages": _packages,
        "ms-swift": _swift,
        "model": partial(_model, profile.get("base", {})),
        "data": partial(_data, profile.get("data", {})),
        "accelerator": _accelerator,
        "coreml": _coreml,
        "chip": _chip,
        "report": _node,
        "font": _font,
        "disk": partial(_disk, store_root),
        "memory": _memory,
        "power": _power,
    }
    return [_guarded(name, check) for name, check in checks.items()]


def render(findings: Sequence[Finding]) -> str:
    """Plain aligned lines: state, name, what was found, what to do."""
    width = max((len(finding.name) for finding in findings), default=0)
    lines = (
        f"{finding.state:<4}  {finding.name:<{width}}  {finding.found}" + (f" -> {finding.do}" if finding.do else "")
        for finding in findings
    )
    return "\n".join(" ".join(line.split("\n")) for line in lines)


def exit_code(findings: Sequence[Finding]) -> int:
    return 1 if any(finding.state == "fail" for finding in findings) else 0


def _guarded(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except EdgeError as error:
        return Finding(name, "fail", str(error))
    except Exception as error:  # a broken package must not hide the other findings
        return Finding(name, "warn", f"could not be looked at: {type(error).__name__}: {error}", "mend what it names")


def _python() -> Finding:
    found = platform.python_version()
    if sys.version_info[:2] == (3, 11):
        return Finding("python", "ok", found)
    return Finding("python", "fail", f"{found} instead of 3.11", "make the environment with Python 3.11")


def _packages() -> Finding:
    required, pinned = _required(), _constraints()
    if not required and not pinned:
        return Finding("packages", "warn", "no constraints.txt to compare with", "run in a clone of the repository")
    versions = {name: _version(name) for name in sorted(required or pinned)}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        return Finding("packages", "fail", f"not installed: {', '.join(missing)}", INSTALL)
    differ = [
        f"{name} {version} instead of {pinned[name]}"
        for name in sorted(pinned)
        if (version := _version(name)) is not None and not pinned[name].contains(version, prereleases=True)
    ]
    if differ:
        return Finding("packages", "warn", "; ".join(differ), INSTALL)
    return Finding("packages", "ok", f"{len(versions)} required, all as in constraints.txt")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _required() -> set[str]:
    """Names of the project's own dependencies on this system; none without a pyproject.toml."""
    import tomllib

    path = ROOT / "pyproject.toml"
    if not path.is_file():
        return set()
    return set(_parsed(tomllib.loads(path.read_text(encoding="utf-8")).get("project", {}).get("dependencies", [])))


def _constraints() -> dict[str, Any]:
    path = ROOT / "constraints.txt"
    return _parsed(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else {}


def _parsed(lines: Sequence[str]) -> dict[str, Any]:
    """Version specifier by canonical name, for the lines whose marker fits this system."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    found = {}
    for line in lines:
        text = line.partition(" #")[0].strip()
        if not text or text.startswith(("#", "-")):
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            raise EdgeError(f"constraints.txt: expected a line such as torch==2.13.0, found {text!r}") from None
        if requirement.marker is None or requirement.marker.evaluate():
            found[str(canonicalize_name(requirement.name))] = requirement.specifier
    return found


def _swift() -> Finding:
    try:
        found = importlib.util.find_spec("swift.cli.sft")
    except ImportError:
        found = None
    if found is None:
        return Finding("ms-swift", "fail", "swift.cli.sft is not importable", INSTALL)
    return Finding("ms-swift", "ok", f"swift.cli.sft of {_version('ms-swift') or 'an unknown version'}")


def _model(base: Mapping[str, Any]) -> Finding:
    if base.get("kind") != "pretrained":
        return Finding("model", "ok", f"{base.get('kind', 'reference')}: made on this machine")
    model = str(base.get("model", ""))
    folder = local_directory(os.path.expanduser(model))
    if not HUB_ID.fullmatch(model) and not (folder and folder.exists()):
        return Finding("model", "fail", f"{model!r} is neither a directory nor a hub id", "give --model DIR_OR_HUB_ID")
    if folder:
        check_model_directory(folder, base.get("parameters"))
        return Finding("model", "ok", f"local directory {folder}")
    return _hub_model(model, str(base.get("revision", "main")))


def _hub_model(model: str, revision: str) -> Finding:
    from huggingface_hub import is_offline_mode
    do = _without_hub(model, revision)
    if is_offline_mode():
        return Finding("model", "fail", "HF_HUB_OFFLINE forbids the download", do)
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    request = urllib.request.Request(f"{endpoint}/{model}/resolve/{revision}/config.json", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=3):
            return Finding("model", "ok", f"{model} at {endpoint}")
    except urllib.error.HTTPError as error:
        return Finding("model", "fail", f"{endpoint} answers {error.code} for {model}", f"correct the id, or {do}")
    except OSError as error:
        return Finding("model", "fail", f"{endpoint} cannot be reached ({getattr(error, 'reason', error)})", do)


def _without_hub(model: str, revision: str) -> str:
    """How to do without the hub.  Its cache is of use only as a directory: a build by the id downloads past it."""
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(model, "config.json", revision=revision)
    if isinstance(cached, str):
        with suppress(EdgeError):
            check_model_directory(Path(cached).parent)
            return f"give --model {Path(cached).parent}"
    return "download it where there is a network and give --model DIRECTORY"


def _data(data: Mapping[str, Any]) -> Finding:
    files = {name: Path(data[f"{name}_file"]) for name in ("train", "eval") if data.get(f"{name}_file")}
    if not files:
        return Finding("data", "ok", "generated")
    from pipeline.data.validate import validate

    wrong = validate(files, data.get("columns") or {}).findings
    if wrong:
        return Finding("data", "fail", f"{wrong[0]} ({len(wrong)} in all)", "edge data validate FILE shows all")
    return Finding("data", "ok", f"valid: {', '.join(map(str, files.values()))}")


def _accelerator() -> Finding:
    program = shutil.which("nvidia-smi")
    if program:
        listed = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=10, check=False)
        if listed.returncode == 0 and listed.stdout.strip():
            return _cuda(listed.stdout.splitlines()[0].partition(" (UUID")[0])
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return Finding("accelerator", "ok", "mps")
    return Finding("accelerator", "ok", f"none; {os.cpu_count()} CPU cores", "full-size training wants a GPU or a Mac")


def _cuda(card: str) -> Finding:
    torch = _version("torch") or ""
    if "+cpu" in torch:
        return Finding("accelerator", "warn", f"cuda: {card}, but torch is {torch}", "install torch built for CUDA")
    return Finding("accelerator", "ok", f"cuda: {card}")


def _coreml() -> Finding:
    import onnxruntime

    providers = onnxruntime.get_available_providers()
    if "CoreMLExecutionProvider" in providers:
        return Finding("coreml", "ok", "CoreMLExecutionProvider")
    listed = ", ".join(providers)
    if platform.system() == "Darwin":
        return Finding("coreml", "warn", f"not among {listed}", "reinstall onnxruntime from PyPI's macOS wheel")
    return Finding("coreml", "ok", f"none on {platform.system()} ({listed})", "its claims are not measured here")


def _chip() -> Finding:
    from pipeline.measure.host import describe_host

    host = describe_host()
    if host["is_m4"]:
        return Finding("chip", "ok", host["chip"])
    return Finding("chip", "ok", f"{host['cpu']}: no Apple M4", "claims marked m4 are not measured here")


def _node() -> Finding:
    absent = [program for program in ("node", "npm") if shutil.which(program) is None]
    if absent:
        return Finding("report", "warn", f"no {' and no '.join(absent)}", "install Node.js for the HTML report")
    return Finding("report", "ok", "node and npm for the HTML report")


def _font() -> Finding:
    from pipeline.report.figures.fonts import chinese_font

    with warnings.catch_warnings(action="ignore"):  # the finding says it
        name = chinese_font()
    if name:
        return Finding("font", "ok", name)
    return Finding("font", "warn", "no font with Chinese characters: figures are captioned in English", INSTALL)


def _disk(store_root: Path) -> Finding:
    root = store_root.expanduser().absolute()
    check_writable(root)
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(there).free / GB
    state: Literal["ok", "warn", "fail"] = "fail" if free < 2 else "warn" if free < 10 else "ok"
    do = "" if state == "ok" else "free some space, or edge artifacts prune"
    return Finding("disk", state, f"{free:.1f} GB free for {root}", do)


def _memory() -> Finding:
    import psutil

    memory = psutil.virtual_memory()
    found = f"{memory.available / GB:.1f} of {memory.total / GB:.1f} GB available"
    if memory.available < 4 * GB:
        return Finding("memory", "warn", found, "end other programs: training wants 4 GB")
    return Finding("memory", "ok", found)


def _power() -> Finding:
    import psutil

    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is None:
        return Finding("power", "ok", "no battery")
    if battery.power_plugged is False:
        return Finding("power", "warn", f"on battery, {battery.percent:.0f} %", "plug in: timings need mains power")
    return Finding("power", "ok", f"plugged in, battery {battery.percent:.0f} %")
