"""Configurations of a client, written for a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

SHORT = {"connect": 1, "silence": 0.4, "total": 3, "attempts": 2, "first_wait": 0.01, "longest_wait": 0.5, "failures": 4, "rest": 0.3}
NOBODY = "http://127.0.0.1:9/v1"
"""Nothing listens there."""


def foreign(url: str) -> str:
    """The same server by a spelling of its address that does not look like this machine's: what looks so may be anywhere."""
    return url.replace("127.0.0.1", "2130706433")


def write(file: Path, use: str = "auto", **settings: Any) -> Path:
    """Endpoints by name are given as a URL or as fields."""
    top = {name: settings.pop(name) for name in ("fall_back", "local_only") if name in settings}
    endpoints = {name: {"model": "stand-in", "limits": SHORT, **({"url": given} if isinstance(given, str) else given)}
                 for name, given in settings.items()}
    file.write_text(yaml.safe_dump({"use": use, **top, "endpoints": endpoints}, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return file
