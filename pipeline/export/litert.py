"""Export of the classifier to LiteRT; converted in an environment of its own, executed in this one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.digest import sha256_text
from pipeline.environment import UnavailableError, python_of, requirements
from pipeline.export import litert_conversion
from pipeline.process import run
from pipeline.runtime.litert_runtime import why_not_here

ENVIRONMENT = "litert"
LIBRARIES = ("torch", "transformers")
VARIANTS = {weights: {"weights": weights, "environment": sha256_text(requirements(ENVIRONMENT))} for weights in ("fp32", "int8")}


def export(out: Path, scratch: Path, *, merged: Path, config: Mapping[str, Any]) -> None:
    """Write model.tflite and runtime.json of a Hugging Face directory.

    config: weights, fp32 or int8 (a scale a row, activations quantised as they come); max_length, the most ids of a prompt.
    One signature for each of `litert_conversion.lengths`: ids int32 [1, T] and mask float32 [1, T] -> logits float32 [1, labels].
    UnavailableError where the environment cannot be made or LiteRT does not run; EdgeError when the float32 form's logits differ from
    transformers', or when XNNPACK would not execute the graph.
    """
    if reason := why_not_here():
        raise UnavailableError(reason)
    root = str(Path(litert_conversion.__file__).parents[2])
    run([str(python_of(ENVIRONMENT)), "-P", "-m", litert_conversion.__name__, str(merged), str(out), str(scratch), config["weights"],
         str(config["max_length"])], env={"PYTHONPATH": root, "PYTHONUTF8": "1", "HF_HUB_OFFLINE": "1", "JAX_PLATFORMS": "cpu"},
        log=scratch / "conversion.log")
