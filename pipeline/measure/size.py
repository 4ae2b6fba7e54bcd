"""What a model takes on disk and how many parameters its adapter has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.errors import EdgeError
from pipeline.measure.measurement import Exact
from pipeline.measure.subject import Subject
from pipeline.train import adapter as lora

if TYPE_CHECKING:
    from pipeline.store import Artifact

MB = 1_000_000
ONNX = (".onnx", ".data", ".onnx_data")  # the graph and the external data beside it
SUFFIXES = {"files": None, "onnx": ONNX}


def size(measured: Subject | Path, *, of: Literal["files", "onnx"] = "files") -> Exact:
    """MB (10^6 bytes) of the files needed to serve: of a subject both the model and the decision, of a path itself.

    of: every file, or ONNX files alone.  details: ``bytes`` and ``files`` {name: bytes}.
    """
    if of not in SUFFIXES:
        raise EdgeError(f"expected the size of {', '.join(SUFFIXES)}, found {of!r}")
    subject = isinstance(measured, Subject)
    tops = {"model/": measured.model, "decision/": measured.decision} if subject else {"": measured}
    found = {prefix + file.relative_to(top).as_posix(): file.stat().st_size
             for prefix, top in tops.items() for file in _files(top, SUFFIXES[of])}
    if not found:
        raise EdgeError(f"expected {of} in {', '.join(map(str, tops.values()))}, found none; build it again")
    return Exact(metric="size", unit="MB", artifacts=dict(measured.artifacts) if subject else {}, conditions={"of": of},
                 details={"megabyte": "10^6 bytes", "bytes": sum(found.values()), "files": found},
                 value=sum(found.values()) / MB)


def _files(directory: Path, suffixes: tuple[str, ...] | None) -> list[Path]:
    if not directory.is_dir():
        raise EdgeError(f"expected a directory to measure at {directory}, found none; build it first")
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return [path for path in files if suffixes is None or path.suffix in suffixes]


def lora_parameters(adapter: Artifact) -> Exact:
    """Number of trained parameters of a LoRA adapter, from its safetensors header."""
    return Exact(metric="lora_parameters", unit="count", artifacts={adapter.kind: adapter.key},
                 value=float(lora.lora_parameters(adapter.path)))
