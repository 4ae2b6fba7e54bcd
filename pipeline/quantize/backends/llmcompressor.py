"""llm-compressor, as the project's techniques use it: the methods that calibrate, and two that do not."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError
from pipeline.quantize.calibration import token_ids
from pipeline.quantize.checkpoint import open_checkpoint
from pipeline.quantize.config import QuantizationConfig
from pipeline.quantize.plan import kept_modules, plan
from pipeline.quantize.schemes import scheme
from pipeline.quiet import quiet

METHODS = ("fp8-static", "fp8-dynamic", "int8-dynamic", "int4-gptq", "int4-awq")
LIBRARIES = ("llmcompressor", "compressed-tensors", "torch", "transformers")
FAMILIES = ("llama", "qwen2", "qwen3")
"""model_type of config.json: those it was run with."""


def run(source: Path, out: Path, scratch: Path, config: QuantizationConfig) -> dict[str, Any]:
    """Write the quantised model; the whole of it is in memory, in float32.  EdgeError for another family than those of `FAMILIES`.

    GPTQ: Frantar et al., ICLR 2023.  AWQ: Lin et al., MLSys 2024.  A killed run begins anew, with the calibration data that was read.
    """
    from pipeline.compress.one_shot import one_shot
    from pipeline.runtime.torch_runtime import load_model

    if why := unable(source, config):
        raise EdgeError(f"{source}: expected a model that llm-compressor can quantise here, but {why}")
    prompts = token_ids(Path(config.calibration_data)) if config.calibration_data else []
    checkpoint = open_checkpoint(source)
    kept = kept_modules(checkpoint, plan(checkpoint, config))
    one_shot(out, load_model(source), source, _modifiers(config, kept), prompts)
    return {}


def unable(source: Path, config: QuantizationConfig) -> str | None:
    from pipeline.runtime.files import read_object

    if find_spec("llmcompressor") is None:
        return "llmcompressor is not installed; install the extra `model`"
    family = read_object(source / "config.json", "a model's configuration").get("model_type")
    if family not in FAMILIES:
        return f"it was not tried on the model family {family} (only {', '.join(FAMILIES)}); --backend ptq takes any"
    return None


def _modifiers(config: QuantizationConfig, kept: list[str]) -> list[Any]:
    with quiet():
        from llmcompressor.modifiers.gptq import GPTQModifier
        from llmcompressor.modifiers.quantization import QuantizationModifier
        from llmcompressor.modifiers.transform.awq import AWQModifier

    chosen: dict[str, Any] = {"config_groups": {"matrices": scheme(config)}, "ignore": kept}
    if config.method == "int4-gptq":
        return [GPTQModifier(**chosen)]
    return [*([AWQModifier()] if config.method == "int4-awq" else []), QuantizationModifier(**chosen)]
