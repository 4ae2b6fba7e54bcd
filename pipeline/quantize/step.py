"""One model quantised by one backend, with the manifest that says what was asked, who did it, and what came of it."""

from __future__ import annotations

import time
from pathlib import Path

from pipeline.digest import library_versions
from pipeline.errors import EdgeError
from pipeline.formats.parquet.finite import check_finite
from pipeline.progress import note
from pipeline.quantize.backends import backend
from pipeline.quantize.checkpoint import headers, open_checkpoint
from pipeline.quantize.config import CALIBRATED, QuantizationConfig
from pipeline.quantize.manifest import MANIFEST
from pipeline.quantize.plan import plan
from pipeline.runtime.files import write_object


def run_backend(out: Path, scratch: Path, source: Path, config: QuantizationConfig, fallback: tuple[str, str] | None = None) -> None:
    """Write the quantised model and its quantization.json into the empty folder ``out``; EdgeError for what cannot be done.

    fallback: the backend that was asked for, and in one line why it was not that one.
    """
    import torch

    if config.method in CALIBRATED and not config.calibration_data:
        raise EdgeError(f"{config.method}: expected calibration data, found none; give --calibration-data FILE, or a method without it")
    if config.threads:
        torch.set_num_threads(config.threads)
    module, checkpoint = backend(config.backend), open_checkpoint(source)
    planned = plan(checkpoint, config)
    check_finite(checkpoint.rows())
    note(f"quantising by {config.backend}, {config.method}")
    began = time.monotonic()  # the libraries are loaded by now
    own = module.run(source, out, scratch, config)
    took, quantised = time.monotonic() - began, sum(one.quantised for one in planned)
    write_object(out / MANIFEST, {
        "backend": config.backend, "method": config.method,
        "asked": {"backend": fallback[0] if fallback else config.backend, "method": config.method},
        "fallback": fallback[1] if fallback else None,
        "settings": config.settings(), "libraries": library_versions(module.LIBRARIES),
        "seconds": round(took, 3),
        "bytes": {"before": checkpoint.bytes, "after": sum(header.bytes for header in headers(out).values())},
        "calibration": _calibration(config), "tensors": {"quantised": quantised, "kept": len(planned) - quantised}, **own})


def _calibration(config: QuantizationConfig) -> dict[str, int] | None:
    from pipeline.quantize.calibration import token_ids

    if config.method not in CALIBRATED or not config.calibration_data:
        return None
    ids = token_ids(Path(config.calibration_data))
    return {"texts": len(ids), "tokens": sum(map(len, ids))}
