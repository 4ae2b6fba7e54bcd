"""ONNX Runtime's Core ML execution provider, on a Mac: the graph of `pipeline.export.onnx_coreml`, at fixed lengths."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import onnxruntime as ort

from pipeline.errors import EdgeError
from pipeline.runtime.compiled import place_of
from pipeline.runtime.exported import file_and_length, read_exported
from pipeline.runtime.onnx_profile import COREML, profiled
from pipeline.runtime.onnx_runtime import CPU, open_session, signature
from pipeline.runtime.static_lengths import Padded, StaticLengths

LENGTH = "length"  # the axis of the graph's inputs that a session fixes


class OnnxCoreMLRuntime:
    """A session for each of a few lengths, opened when a prompt of it first comes: the provider compiles static shapes only.

    A prompt is padded on its left to the next length.  ``provider`` is the CPU's where `onnx_coreml_cpu_runtime` opens it.
    """

    backend = "onnx-coreml"

    def __init__(self, file: Path, lengths: StaticLengths, labels: int, threads: int, provider: str = COREML) -> None:
        self.provider, self.threads = provider, threads
        self._file, self._lengths, self._labels, self._lock = file, lengths, labels, Lock()
        self._sessions: dict[str, tuple[Any, list[tuple[str, Any]]]] = {}
        self._session(str(lengths.longest))  # a graph that does not open is told at once

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """Token ids of one whole prompt -> float32 [labels]."""
        padded = self._lengths.padded(ids)
        with self._lock:
            session, inputs = self._session(padded.function)
            values = np.asarray(session.run(None, _feed(inputs, padded))[0], dtype=np.float32)[0]
        if not np.isfinite(values).all():
            raise EdgeError(f"{self._file}: expected finite logits, found {values.tolist()}: float16 ends at 65504; serve another format")
        return values

    def placement(self, prompts: Sequence[Sequence[int]]) -> dict[str, Any]:
        """Which provider really ran how much, over one run of each prompt: `pipeline.runtime.onnx_profile`."""
        by_length: dict[str, list[Padded]] = {}
        for ids in prompts:
            padded = self._lengths.padded(ids)
            by_length.setdefault(padded.function, []).append(padded)
        with self._lock:
            return profiled((lambda profile, length=length: self._open(length, profile),
                             [_feed(self._session(length)[1], each) for each in group])
                            for length, group in by_length.items())

    def _session(self, length: str) -> tuple[Any, list[tuple[str, Any]]]:
        if length not in self._sessions:
            session = self._open(length)
            self._sessions[length] = session, signature(session, self._file, self._labels, masked=True)
        return self._sessions[length]

    def _open(self, length: str, profile: str = "") -> Any:
        options = _options(self._file, length) if self.provider == COREML else {}
        return open_session(self._file, self.threads, self.provider, provider_options=options, dimensions={LENGTH: int(length)},
                            profile=profile)


def _feed(inputs: Sequence[tuple[str, Any]], padded: Padded) -> dict[str, np.ndarray]:
    (ids, ids_kind), (mask, mask_kind) = inputs
    return {ids: padded.ids.astype(ids_kind), mask: padded.mask.astype(mask_kind)}


def _options(file: Path, length: str) -> dict[str, str]:
    """The provider's documented options.  What it compiles is kept by length, which its own key does not hold."""
    kept = place_of(file, f"-{length}")
    try:
        kept.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EdgeError(f"{kept}: expected a folder for what Core ML compiles, found {error.strerror or error}; free space") from None
    return {"ModelFormat": "MLProgram", "MLComputeUnits": "CPUAndNeuralEngine", "RequireStaticInputShapes": "1",
            "EnableOnSubgraphs": "0", "ModelCacheDirectory": str(kept)}


def open_runtime(model: Path, label_ids: Sequence[int], threads: int, provider: str = COREML) -> OnnxCoreMLRuntime:
    """Open a directory of `pipeline.export.onnx_coreml`."""
    return OnnxCoreMLRuntime(*read_graph(model, label_ids), len(label_ids), threads, provider)


def read_graph(model: Path, label_ids: Sequence[int]) -> tuple[Path, StaticLengths]:
    """The graph of such a directory, with the lengths that prompts are padded to; EdgeError where its runtime.json is broken."""
    spec = read_exported(model, label_ids)
    file, longest = file_and_length(model, spec)
    lengths = spec.get("lengths")
    whole = isinstance(lengths, list) and all(type(length) is int and length > 0 for length in lengths)
    if not whole or max(lengths, default=0) != longest:
        raise EdgeError(f"{model}/runtime.json: expected the lengths of its sessions, the last of them max_length {longest}, found "
                        f"{lengths!r:.60}; export it again as onnx-coreml")
    return file, StaticLengths.of(lengths)


def why_not_here() -> str:
    """"" where this onnxruntime has the provider; elsewhere that it has not, and what would run."""
    if COREML in ort.get_available_providers():
        return ""
    found = ", ".join(provider.removesuffix("ExecutionProvider") for provider in ort.get_available_providers() if provider != CPU)
    return (f"this onnxruntime has no {COREML} (it has CPU{', ' + found if found else ''}); `make m4` on a Mac, with onnxruntime's wheel "
            "for macOS, runs it")
