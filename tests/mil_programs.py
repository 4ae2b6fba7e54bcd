"""Small Core ML programs, written operation by operation and saved by coremltools."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.quiet import quiet


def save(package: Path, body: Callable[[Any, Any], Any], *shape: int, precision: str = "FLOAT16") -> Path:
    """``body(mb, x)`` of one input x, with coremltools' builder mb, as a .mlpackage."""
    with quiet():
        import coremltools as ct
        from coremltools.converters.mil import Builder as mb

        program = mb.program(input_specs=[mb.TensorSpec(shape=shape)], opset_version=ct.target.macOS15)(lambda x: body(mb, x))
        ct.convert(program, convert_to="mlprogram", compute_precision=ct.precision[precision],
                   minimum_deployment_target=ct.target.macOS15, skip_model_load=True).save(str(package))
    return package
