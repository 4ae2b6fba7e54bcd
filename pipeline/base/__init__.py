"""Base models: one function, a kind in the configuration, a Hugging Face directory out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError

KINDS = ("reference", "qwen3-shape", "pretrained")


def build_base(out: Path, scratch: Path, config: Mapping[str, Any]) -> None:
    """Write a base model into the directory `out`: config.json, model.safetensors, tokenizer.json,
    tokenizer_config.json, generation_config.json.

    config["kind"] is one of KINDS; the other settings are the kind's own.  `scratch` survives a kill, so that a second
    call goes on where the first one stopped.  Raises EdgeError for an unknown kind or setting or a broken source.
    """
    kind = config.get("kind")
    if kind == "reference":
        from pipeline.base.reference import build_reference as build
    elif kind == "qwen3-shape":
        from pipeline.base.shape import build_shape as build
    elif kind == "pretrained":
        from pipeline.base.hub import build_pretrained as build
    else:
        raise EdgeError(f"the base's kind must be one of {', '.join(KINDS)}, but is {kind!r}: mend the profile")
    build(out, scratch, config)
