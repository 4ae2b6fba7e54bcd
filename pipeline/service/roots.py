"""Which models a request may name: directories below the allowed roots, and a hub's where that is allowed."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.service.problems import Refusal
from pipeline.service.settings import Settings

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


def allowed_model(given: str, settings: Settings, hub: bool = True) -> str:
    """The real path of that directory, or the hub's id; whatever is named leads below a root or nowhere.

    Links are followed before it is looked whether the place is below a root.  Refusal 404 for everything else, in the same words, so
    that nobody learns from it what else lies on the disk.
    """
    if (path := _below(given, settings.model_roots)) is not None:
        return str(path)
    if hub and settings.hub and HUB_ID.fullmatch(given) and ".." not in given:
        return given
    where = ", ".join(root.name for root in settings.model_roots) or "none is set"
    raise Refusal(404, f"expected a model directory below one of the model roots ({where}), found none of that name; name one of these")


def _below(given: str, roots: tuple[Path, ...]) -> Path | None:
    for root in roots:
        try:
            path = (root / given).resolve(strict=True)  # an absolute path stands for itself
            if path.is_dir() and path != root and path.is_relative_to(root) and (path / "config.json").is_file():
                return path
        except (OSError, ValueError, RuntimeError):  # too long, NUL, surrogates, links in a circle
            continue
    return None
