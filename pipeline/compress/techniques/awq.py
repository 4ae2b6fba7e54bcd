"""AWQ: inputs that carry large activations are scaled up before the weights are rounded, and down again in the layer before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.compress import DATA, Source
from pipeline.compress.calibration import asked
from pipeline.compress.one_shot import LIBRARIES as LIBRARIES
from pipeline.compress.one_shot import one_shot, open_for, weights_only
from pipeline.compress.plan import Plan, with_scales
from pipeline.compress.settings.awq import FAMILY as FAMILY
from pipeline.compress.settings.awq import STAGE as STAGE
from pipeline.compress.settings.awq import Settings
from pipeline.quiet import quiet

NEEDS = (DATA,)
SECONDS = 480 / 0.44e9
"""For a weight of the matrices."""


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Write a compressed-tensors directory; embedding and head stay as they are.

    Lin et al., "AWQ: Activation-aware Weight Quantization for On-Device LLM Compression and Acceleration", MLSys 2024.
    In the report, the error of a matrix counts the scales that the layer before takes back; so outputs are closer than it says.
    EdgeError without calibration data, and for a group that does not divide a matrix's inputs.
    """
    prompts = asked(source, settings.samples, settings.seed)
    model = open_for(source.model, settings.group)
    with quiet():
        from llmcompressor.modifiers.quantization import QuantizationModifier
        from llmcompressor.modifiers.transform.awq import AWQModifier

        modifiers = [AWQModifier(), QuantizationModifier(**weights_only(settings.bits, settings.group, settings.symmetric))]
    one_shot(out, model, source.model, modifiers, [prompt.ids for prompt in prompts])
    return {"prompts": len(prompts), "tokens": sum(len(prompt.ids) for prompt in prompts)}


def predict(plan: Plan, settings: Settings) -> Plan:
    return plan.after(plan.matrices * SECONDS, matrix_bits=with_scales(settings.bits, settings.group))
