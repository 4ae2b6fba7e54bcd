"""Distillation: a compressed model learns to answer as the uncompressed one does, and so gets back what pruning took."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.compress import DATA, TEACHER, Source
from pipeline.compress.plan import Plan
from pipeline.compress.settings.distil import FAMILY as FAMILY
from pipeline.compress.settings.distil import STAGE as STAGE
from pipeline.compress.settings.distil import Settings
from pipeline.compress.training import Training, heal

NEEDS, LIBRARIES = (TEACHER, DATA), ("torch", "transformers", "tokenizers")
HEALS = True
QUERIES, TOKENS = 800, 40  # a profile's training queries and a prompt's length, roughly: no plan knows the data


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Train ``source.model`` on the teacher's label distribution; see `pipeline.compress.training.heal`.

    The student may have other layers, heads, channels and another tokenizer.
    """
    return heal(out, scratch, source, settings)


def predict(plan: Plan, settings: Settings) -> Plan:
    return plan.after(seconds(plan, settings))


def seconds(plan: Plan, settings: Training) -> float:
    """About 6 operations a weight and token for a step and 2 for the teacher's answer, at 5e10 a second."""
    return plan.matrices * TOKENS * (QUERIES + settings.transfer) * (6 * settings.epochs + 2) / 5e10
