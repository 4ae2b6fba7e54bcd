"""Environments beside this one, for libraries that do not go together with it; each made once, on first use.

An environment NAME is the file ``environments/NAME.txt``: exact versions, installed without their dependencies, since everything else
(torch, transformers, numpy) is taken from this environment.  It lies in this environment's own folder and goes with it.
``python -m pipeline.environment NAME`` makes it.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from filelock import FileLock

from pipeline.digest import sha256_text
from pipeline.errors import EdgeError, told
from pipeline.process import run
from pipeline.progress import note

REQUIREMENTS = Path(__file__).parents[1] / "environments"


class UnavailableError(EdgeError):
    """What is asked for cannot be had on this machine now: what would be measured with it is not measured."""


def requirements(name: str) -> str:
    """The versions that the environment holds, a line each; UnavailableError without its file."""
    try:
        lines = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UnavailableError(f"expected the versions of the environment {name}, found {told(error)}; run in a clone of the "
                               "repository") from None
    return "\n".join(line for line in lines if line and not line.startswith("#"))


def python_of(name: str) -> Path:
    """The environment's interpreter; the environment is made, whole or not at all, where it is not there yet.

    UnavailableError with the reason, such as no network, where it cannot be made.
    """
    home = _home(name)
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{home}.lock"):
            if not home.exists():
                _make(name, home)
    except UnavailableError:
        raise
    except (EdgeError, OSError) as error:
        reason = told(error) if isinstance(error, OSError) else error
        raise UnavailableError(f"expected the environment {name}, found that it cannot be made: {reason}; "
                               f"where the package index can be reached, python -m pipeline.environment {name} makes it") from None
    return home / "bin" / "python"


def existing(name: str) -> Path | None:
    """The interpreter of the environment where it has been made for these versions, else None; makes nothing."""
    home = _home(name)
    return home / "bin" / "python" if home.exists() else None


def _home(name: str) -> Path:
    """A place of its own for these versions beside these libraries."""
    version = sha256_text("\n".join([requirements(name), sys.version, *_libraries()]))[:12]
    return Path(sys.prefix) / "environments" / f"{name}-{version}"


def _libraries() -> list[str]:
    """Where this environment keeps its libraries."""
    return sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})


def _make(name: str, home: Path) -> None:
    note(f"making the environment {name}, once")
    partial, log = home.with_name(f"{home.name}.partial"), home.with_name(f"{name}.log")
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed; what it downloaded is in pip's cache
    try:
        run([sys.executable, "-m", "venv", "--without-pip", str(partial)], log=log)
        own = sysconfig.get_path("purelib", vars={"base": str(partial), "platbase": str(partial)})
        Path(own, "main.pth").write_text("\n".join(_libraries()) + "\n", encoding="utf-8")
        run([sys.executable, "-m", "pip", "--python", str(partial / "bin" / "python"), "install", "--quiet", "--no-deps", "--retries", "1",
             "--disable-pip-version-check", "--no-input", "--requirement", str(REQUIREMENTS / f"{name}.txt")], log=log)
        os.replace(partial, home)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


if __name__ == "__main__":
    try:
        print(python_of(sys.argv[1]))
    except EdgeError as error:
        sys.exit(str(error))
