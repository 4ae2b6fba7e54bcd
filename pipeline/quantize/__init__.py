"""Quantisation of weights: one function over several backends, from a model directory or Parquet file to a compressed-tensors one.

    config -> source (converted, cached) -> calibration (tokenised, cached) -> backend, or its fall-back -> manifest -> output

Small files: `config` and `layers` (settings), `checkpoint` (what is read), `plan` (what becomes of each tensor), `schemes` and
`rounding` (how), `journal` and `workplace` (what survives a crash), `step` (backend and manifest), `artifact` (the store's keys).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import EdgeError, told
from pipeline.quantize.config import QuantizationConfig

if TYPE_CHECKING:
    from pipeline.store import Store

__all__ = ["QuantizationConfig", "project_store", "quantize", "to_stderr"]


def quantize(config: QuantizationConfig, *, resume: bool = False, store: Store | None = None,
             tell: Callable[[str], None] | None = None) -> Path:
    """Write the quantised model to ``config.output``, whole or not at all, and return that path.

    resume: go on behind the files that a killed run of the same settings and input finished, and keep those of this run if it ends
    early.  store: for conversions and calibration data, the project's own by default.  tell: gets a line about a fall-back or a leftover;
    stderr by default.  EdgeError in one line for whatever cannot be done.
    """
    from safetensors import SafetensorError

    if config.output is None:
        raise EdgeError("expected an output, found none; give --output")
    try:
        return _quantize(config, config.output, resume, store or project_store(), tell or to_stderr)
    except (SafetensorError, OSError) as error:
        reason = told(error) if isinstance(error, OSError) else str(error)
        raise EdgeError(f"{config.output}: expected room and leave to write, found {reason}; free space or check the folder") from error


def project_store() -> Store:
    from pipeline.store import Store
    from pipeline.store.place import default_remote, default_store, project_root

    return Store(default_store(project_root(Path.cwd())), default_remote() or None)


def _quantize(config: QuantizationConfig, output: Path, resume: bool, store: Store, tell: Callable[[str], None]) -> Path:
    from pipeline.quantize import artifact
    from pipeline.quantize.workplace import interruptible, workplace
    from pipeline.store import Workspace

    with interruptible(config.time_limit), workplace(output, resume, tell) as place:
        source = artifact.model_directory(config.input, store)

        def attempt(chosen: QuantizationConfig, fallback: tuple[str, str] | None) -> Path:
            spec = artifact.quantised(chosen, source, fallback)
            out, scratch = place.begin(store.key(spec))
            spec.build(Workspace(out, scratch))
            return out

        result = artifact.with_fallback(artifact.prepared(config, source, store), source, attempt, tell)
        if output.suffix == ".parquet":
            from pipeline.formats.parquet import to_parquet
            to_parquet(result, result := place.home / output.name)
        place.finish(result)
    return output


def to_stderr(line: str) -> None:
    print(f"edge quantize: {line}", file=sys.stderr, flush=True)
