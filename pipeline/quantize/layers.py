"""Where a setting comes from: a flag, before the YAML file, before the environment, before the default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.quantize.config import QuantizationConfig
from pipeline.yaml_file import read_yaml, validate

PREFIX = "EDGE_QUANTIZE_"


def layered(flags: Mapping[str, Any], file: Path | None, environment: Mapping[str, str]) -> QuantizationConfig:
    """The settings of all layers as one; EdgeError names the flag, the file or the variable that a wrong value stands in."""
    values, origin = {}, {}
    variables = {name.removeprefix(PREFIX).lower(): text for name, text in environment.items() if name.startswith(PREFIX)}
    for name, value in variables.items():
        values[name], origin[name] = value, f"the variable {PREFIX}{name.upper()}"
    for name, value in (read_yaml(file) if file else {}).items():
        values[name], origin[name] = value, str(file)
    for name, value in flags.items():
        values[name], origin[name] = value, f"--{name.replace('_', '-')}"
    try:
        return QuantizationConfig.model_validate(values)
    except ValidationError as error:  # told first: what `validate` tells first
        first = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")["loc"]
        return validate(values, QuantizationConfig, origin.get(str(first[0]) if first else "", "edge quantize"))
