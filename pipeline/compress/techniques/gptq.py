"""GPTQ: integer weights rounded one input at a time, each error made up for by the weights not yet rounded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.compress import DATA, Source
from pipeline.compress.calibration import asked
from pipeline.compress.one_shot import LIBRARIES as LIBRARIES
from pipeline.compress.one_shot import one_shot, open_for, weights_only
from pipeline.compress.plan import Plan, with_scales
from pipeline.compress.settings.gptq import FAMILY as FAMILY
from pipeline.compress.settings.gptq import STAGE as STAGE
from pipeline.compress.settings.gptq import Settings
from pipeline.quiet import quiet

NEEDS = (DATA,)
SECONDS = 180 / 0.44e9
"""For a weight of the matrices."""


def apply(out: Path, scratch: Path, source: Source, settings: Settings) -> dict[str, Any]:
    """Write a compressed-tensors directory; embedding and head stay as they are.

    Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers", ICLR 2023.
    EdgeError without calibration data, and for a group that does not divide a matrix's inputs.
    """
    prompts = asked(source, settings.samples, settings.seed)
    model = open_for(source.model, settings.group)
    with quiet():
        from llmcompressor.modifiers.gptq import GPTQModifier

        modifier = GPTQModifier(**weights_only(settings.bits, settings.group, settings.symmetric))
    one_shot(out, model, source.model, [modifier], [prompt.ids for prompt in prompts])
    return {"prompts": len(prompts), "tokens": sum(len(prompt.ids) for prompt in prompts)}


def predict(plan: Plan, settings: Settings) -> Plan:
    return plan.after(plan.matrices * SECONDS, matrix_bits=with_scales(settings.bits, settings.group))
