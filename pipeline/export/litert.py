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
PINS = {"environment": sha256_text(requirements(ENVIRONMENT))}
VARIANTS = {"fp32": {"weights": "fp32", **PINS}, "int8": {"weights": "int8", "of": "fp32", **PINS}}


def export(out: Path, scratch: Path, *, merged: Path, config: Mapping[str, Any], source: Path | None = None) -> None:
    """Write model.tflite and runtime.json of a Hugging Face directory.

    config: weights, fp32 or int8 (a scale a row, activations quantised as they come); max_length, the most ids of a prompt; labels other
    than the intents'.
    source: of int8, the same model as fp32; converted here without.  One signature for each of `litert_conversion.lengths`: ids
    int32 [1, T] and mask float32 [1, T] -> logits float32 [1, labels].  UnavailableError where the environment cannot be made or
    LiteRT does not run; EdgeError when fp32's logits differ from transformers', or when XNNPACK would not execute the graph.
    """
    if reason := why_not_here():
        raise UnavailableError(reason)
    if config["weights"] == "fp32":
        _run(scratch, "convert", merged, out, config["max_length"], *config.get("labels", []))
        return
    if source is None:
        (source := scratch / "fp32").mkdir(exist_ok=True)
        _run(scratch, "convert", merged, source, config["max_length"], *config.get("labels", []))
    _run(scratch, "quantise", source, out)


def _run(scratch: Path, *arguments: object) -> None:
    root = str(Path(litert_conversion.__file__).parents[2])
    run([str(python_of(ENVIRONMENT)), "-P", "-m", litert_conversion.__name__, *map(str, arguments)], log=scratch / "conversion.log",
        env={"PYTHONPATH": root, "PYTHONUTF8": "1", "HF_HUB_OFFLINE": "1", "JAX_PLATFORMS": "cpu"})
