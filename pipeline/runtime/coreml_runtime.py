"""Core ML itself, on a Mac: the exported package on its CPU and Neural Engine."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from pipeline.errors import EdgeError
from pipeline.runtime.compiled import compiled
from pipeline.runtime.coremltools_lean import coremltools
from pipeline.runtime.files import read_object
from pipeline.runtime.static_lengths import CoreMLFiles, Padded, read_coreml_files

UNITS = {"all": "ALL", "cpu": "CPU_ONLY", "cpu-and-gpu": "CPU_AND_GPU", "cpu-and-ne": "CPU_AND_NE"}
USUAL = "cpu-and-ne"  # the GPU draws watts, and is what the screen needs
UNITS_VARIABLE = "EDGE_COREML_UNITS"


class CoreMLRuntime:
    """Every static length of the package, loaded when a prompt of it first comes; one prediction at a time.

    ``provider`` names the units that Core ML was allowed, "coreml-cpu-and-ne"; where the work then goes only `placement` tells.
    """

    backend = "coreml"

    def __init__(self, files: CoreMLFiles, labels: int, threads: int, units: str) -> None:
        self.provider, self.threads = f"coreml-{units}", threads
        self._files, self._labels, self._lock = files, labels, Lock()
        self._tools = coremltools()
        self._units = self._tools.ComputeUnit[UNITS[units]]
        self._compiled = compiled(files.package, ".mlmodelc", self._compile)
        self._loaded: dict[str, Any] = {}

    def _compile(self, place: Path) -> None:
        self._tools.models.utils.compile_model(str(self._files.package), destination_path=str(place))

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """Token ids of one whole prompt -> float32 [labels]."""
        padded = self._files.padded(ids)
        with self._lock:
            outputs = self._predict(padded)
        values = np.asarray(outputs.get(self._files.output), np.float32) if isinstance(outputs, dict) else np.zeros(0)
        if values.shape != (1, self._labels) or not np.isfinite(values).all():
            raise EdgeError(f"{self._files.package}: expected {self._labels} finite logits of {self._files.output}, found shape "
                            f"{values.shape} or numbers that are not finite; export it again")
        return values[0]

    def _predict(self, padded: Padded) -> Any:
        try:
            if padded.function not in self._loaded:
                self._loaded[padded.function] = self._tools.models.CompiledMLModel(
                    str(self._compiled), compute_units=self._units, function_name=padded.function)
            return self._loaded[padded.function].predict(dict(zip(self._files.inputs, (padded.ids, padded.mask), strict=True)))
        except Exception as error:  # Core ML's errors come as RuntimeError and as bare Exception
            reason = " ".join(str(error).split()) or type(error).__name__
            raise EdgeError(f"{self._files.package}: expected Core ML to run {padded.function}, found {reason:.300}; export it again or "
                            "update macOS") from error

    def placement(self, prompts: Sequence[Sequence[int]]) -> dict[str, Any]:
        """On which devices Core ML plans to run the program, `pipeline.runtime.compute_plan`; "used": the functions of the prompts."""
        from pipeline.runtime.compute_plan import tally

        with self._lock:
            plan = self._tools.models.compute_plan.MLComputePlan.load_from_path(str(self._compiled), compute_units=self._units)
            told = tally(plan)
        return {**told, "used": sorted({self._files.padded(ids).function for ids in prompts})}


def open_runtime(model: Path, label_ids: Sequence[int], threads: int) -> CoreMLRuntime:
    """Open an exported Core ML directory.  Its runtime.json may say ``compute_units``, one of UNITS; EDGE_COREML_UNITS overrules it."""
    files = read_coreml_files(model, label_ids)
    units = os.environ.get(UNITS_VARIABLE) or read_object(model / "runtime.json", "the runtime of an exported model").get(
        "compute_units", USUAL)
    if units not in UNITS:
        raise EdgeError(f"{model}: expected compute units of {', '.join(UNITS)}, found {units!r:.40}; correct compute_units in "
                        f"runtime.json or {UNITS_VARIABLE}")
    if not files.package.is_dir():
        raise EdgeError(f"expected a Core ML package at {files.package}, found none; export it again")
    return CoreMLRuntime(files, len(label_ids), threads, units)


def why_not_here() -> str:
    """"" on a Mac; elsewhere that Core ML is not there, and what would run."""
    if sys.platform == "darwin":
        return ""
    return (f"Core ML executes on macOS only, this is {sys.platform}; `make m4` on a Mac runs it (here backend mil verifies the "
            "program's semantics)")
