"""Tencent's AngelSlim, in an environment and a process of its own (`pipeline.compress.angelslim`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.compress.angelslim import LIBRARIES as LIBRARIES
from pipeline.compress.angelslim import METHODS as METHODS
from pipeline.compress.angelslim import available, quantise
from pipeline.errors import EdgeError
from pipeline.quantize.calibration import token_ids
from pipeline.quantize.config import QuantizationConfig


def run(source: Path, out: Path, scratch: Path, config: QuantizationConfig) -> dict[str, Any]:
    """Write the quantised model; UnavailableError where another backend may take its place.  A killed run begins anew.

    Of a time limit it has half, so that the other one finds the rest, and all of it without a fall-back.
    """
    if config.ignore != (usual := QuantizationConfig.model_fields["ignore"].default):
        raise EdgeError(f"expected ignore to be {', '.join(usual)}, for AngelSlim quantises every matrix of the layers, found "
                        f"{', '.join(config.ignore)}; leave it out or take another backend")
    prompts = token_ids(Path(config.calibration_data)) if config.calibration_data else []
    return quantise(source, out, scratch, config.method, prompts, group_size=config.group_size, threads=config.threads,
                    seconds=config.time_limit and config.time_limit / (2 if config.fallback else 1))


def unable(source: Path, config: QuantizationConfig) -> str | None:
    return available(source)
