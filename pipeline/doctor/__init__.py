"""Is this machine ready?  One finding a line, each with what to do; a small file a group of checks."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.doctor import environment, inputs, mac, machine, reporting
from pipeline.doctor.finding import Finding, exit_code, render
from pipeline.errors import EdgeError

__all__ = ["Finding", "examine", "exit_code", "render"]


def examine(profile: Mapping[str, Any], store_root: Path) -> list[Finding]:
    """Every check of this machine for `profile` (a profile's plain mapping)."""
    checks = {
        **environment.checks(),
        **inputs.checks(profile),
        **machine.processors(),
        **reporting.checks(),
        **machine.room(store_root),
        **(mac.checks() if platform.system() == "Darwin" else {}),
    }
    return [_guarded(name, check) for name, check in checks.items()]


def _guarded(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except EdgeError as error:
        return Finding(name, "fail", str(error))
    except Exception as error:  # a broken package must not hide the other findings
        return Finding(name, "warn", f"could not be looked at: {type(error).__name__}: {error}", "mend what it names")
