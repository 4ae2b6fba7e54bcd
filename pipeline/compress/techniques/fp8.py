"""FP8 (E4M3): weights as 8-bit floats, and the activations' range known beforehand or found at each run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.compress import DATA, Source
from pipeline.compress.calibration import asked
from pipeline.compress.one_shot import LIBRARIES as LIBRARIES
from pipeline.compress.one_shot import one_shot, open_for
from pipeline.compress.plan import Plan
from pipeline.compress.settings.fp8 import FAMILY as FAMILY
from pipeline.compress.settings.fp8 import STAGE as STAGE
from pipeline.compress.settings.fp8 import Settings
from pipeline.quiet import quiet

NEEDS = (DATA,)
SECONDS = 10 / 0.44e9
"""For a weight of the matrices."""


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Write a compressed-tensors directory with float8_e4m3fn weights; embedding and head stay as they are.

    Micikevicius et al., "FP8 Formats for Deep Learning", 2022.  EdgeError where static ranges lack calibration data.
    """
    static = settings.activations == "static"
    prompts = asked(source, settings.samples, settings.seed) if static else []
    model = open_for(source.model)
    with quiet():
        from llmcompressor.modifiers.quantization import QuantizationModifier

        modifier = QuantizationModifier(targets="Linear", scheme="FP8" if static else "FP8_DYNAMIC", ignore=["lm_head"])
    one_shot(out, model, source.model, [modifier], [prompt.ids for prompt in prompts])
    return {"prompts": len(prompts)}


def predict(plan: Plan, settings: Settings) -> Plan:
    return plan.after(plan.matrices * SECONDS, matrix_bits=8)
