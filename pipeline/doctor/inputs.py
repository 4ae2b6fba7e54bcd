"""What the profile asks for: the base model and the data."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.base.hub import check_model_directory, local_directory
from pipeline.doctor.finding import Checks, Finding
from pipeline.errors import EdgeError

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def checks(profile: Mapping[str, Any]) -> Checks:
    return {"model": partial(_model, profile.get("base", {})), "data": partial(_data, profile.get("data", {}))}


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
