"""ONNX Runtime: needs nothing but onnxruntime and numpy, so it is what serves on a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from pipeline.errors import EdgeError
from pipeline.runtime.exported import Prompts, file_and_length, read_exported
from pipeline.runtime.onnx_profile import profiled

CPU = "CPUExecutionProvider"
MAPPED_BEYOND = 32_000_000
"""Bytes of weights beyond which they are kept beside the graph: there a session maps them, where it would hold those in the graph twice
while it loads; and no graph may hold 2 GB."""
_INTEGERS: dict[str, Any] = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
_FLOATS: dict[str, Any] = {"tensor(float16)": np.float16, "tensor(float)": np.float32}


class OnnxRuntime:
    """One session: fixed threads, nodes in order, one provider which must be the one that was asked for.

    ``prefix``: ids that every prompt starts with, whose keys and values the model holds already.  ``mapped``: see `open_session`.
    """

    backend = "onnx"

    def __init__(self, file: Path, labels: int, max_length: int, threads: int, provider: str = CPU,
                 prefix: Sequence[int] = (), mapped: bool = False) -> None:
        self._session = open_session(file, threads, provider, mapped)
        self._open_profiled = partial(open_session, file, threads, provider, mapped)
        self.provider = provider
        self._inputs = signature(self._session, file, labels)
        self._prompts = Prompts(max_length, list(prefix))
        self.threads = threads

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """Token ids of one whole prompt -> float32 [labels]."""
        values = self._session.run(None, self._feed(ids))[0]
        return np.asarray(values, dtype=np.float32)[0]

    def placement(self, prompts: Sequence[Sequence[int]]) -> dict[str, Any]:
        """Which provider really ran how much, over one run of each prompt: `pipeline.runtime.onnx_profile`."""
        return profiled([(self._open_profiled, [self._feed(ids) for ids in prompts])])

    def _feed(self, ids: Sequence[int]) -> dict[str, np.ndarray]:
        (name, kind), = self._inputs
        return {name: np.asarray([self._prompts.after_prefix(ids)], dtype=kind)}


def open_runtime(model: Path, label_ids: Sequence[int], threads: int) -> OnnxRuntime:
    """Open an exported directory; its runtime.json may name another ``provider`` than the CPU."""
    spec = read_exported(model, label_ids)
    file, length = file_and_length(model, spec)
    prefix = Prompts.of(model, spec).prefix
    return OnnxRuntime(file, len(label_ids), length, threads, spec.get("provider", CPU), prefix, spec.get("mapped") is True)


def open_session(file: Path, threads: int, provider: str = CPU, mapped: bool = False, *, provider_options: Mapping[str, str] = {},
                 dimensions: Mapping[str, int] = {}, profile: str = "") -> Any:
    """An InferenceSession of fixed threads, nodes in order, on ``provider``; EdgeError when it would run on another.

    ``mapped``: weights stay as they lie in the file, with no copy laid out for the processor.  ``dimensions``: what the graph's named
    axes are fixed to.  ``profile``: where a profile goes, which ends with `end_profiling`; the beginning of a file's name.
    """
    if not file.is_file():
        raise EdgeError(f"expected a model at {file}, found none; export it again")
    if provider not in ort.get_available_providers():
        raise EdgeError(f"{file}: expected the provider {provider}, found only "
                        f"{', '.join(ort.get_available_providers())}; install an onnxruntime that has it")
    options = _options(threads, mapped, dimensions, profile)
    try:
        session = ort.InferenceSession(str(file), options, providers=[(provider, dict(provider_options))])
    except Exception as error:  # onnxruntime's errors share no other base class
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise EdgeError(f"{file}: expected a readable ONNX model, found {reason}; export it again") from error
    found = session.get_providers()[0]
    if found != provider:
        raise EdgeError(f"{file}: expected {provider}, but the session runs on {found}; install an onnxruntime that has {provider}")
    return session


def _options(threads: int, mapped: bool, dimensions: Mapping[str, int], profile: str) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    options.add_session_config_entry("session.x64quantprecision", "1")  # without VNNI the fast products of INT8 saturate in 16 bits
    if mapped:
        options.add_session_config_entry("session.disable_prepacking", "1")
    for name, length in dimensions.items():
        options.add_free_dimension_override_by_name(name, length)
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, profile
    return options


def signature(session: Any, file: Path, labels: int, masked: bool = False) -> list[tuple[str, Any]]:
    """Name and type of the input of token ids, and of the mask where it is to take one; EdgeError for any other graph."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    kinds = [_INTEGERS, {**_INTEGERS, **_FLOATS}][: 1 + masked]
    if len(inputs) != len(kinds) or any(each.type not in kind for each, kind in zip(inputs, kinds, strict=True)) or len(outputs) != 1:
        raise EdgeError(f"{file}: expected one input of integer token ids{' and a mask' if masked else ''}, and one output of logits, "
                        f"found inputs {[i.name for i in inputs]} and outputs {[o.name for o in outputs]}; export it again")
    if outputs[0].shape[-1] != labels:
        raise EdgeError(f"{file}: expected logits for {labels} labels, found shape {outputs[0].shape}; "
                        "use the decision that was made from the same model")
    return [(each.name, kind[each.type]) for each, kind in zip(inputs, kinds, strict=True)]
