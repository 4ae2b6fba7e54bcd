"""The roofline of `pipeline.plan.roofline` at the rates that were measured of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.peers import Form
from pipeline.compress.plan import from_config
from pipeline.plan.roofline import Work, prompt, seconds


def work(config: Mapping[str, Any], tokens: int, labels: int) -> Work:
    """Of one decision of a transformers Qwen3 config."""
    return prompt(from_config(config), tokens, labels)


def megabytes(work: Work, form: Form) -> float:
    return work.bytes(form.bits, form.bits) / 1e6


def milliseconds(work: Work, form: Form, products: Mapping[str, float], read: float) -> float:
    """products: operations a second by type.  read: bytes a second."""
    return 1e3 * seconds(work.operations, work.bytes(form.bits, form.bits), products[form.arithmetic], read)
