"""What a quantisation takes and makes, as artifacts of the store: converted weights, tokenised texts, quantised models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pipeline.data.corpora import CORPORA
from pipeline.digest import directory_digest, file_digest
from pipeline.environment import UnavailableError
from pipeline.errors import EdgeError
from pipeline.progress import note
from pipeline.quantize.backends import backend
from pipeline.quantize.calibration import FILE, write_calibration
from pipeline.quantize.config import CALIBRATED, QuantizationConfig
from pipeline.store import Artifact, Spec, Store, Workspace

Made = TypeVar("Made")
INSTEAD = {"llmcompressor": "llm-compressor", "ptq": "ptq"}
"""Backends that take AngelSlim's place, the nearest first, as they are called."""


def model_directory(given: Path, store: Store) -> Path:
    """The directory itself, or that of a Parquet file, converted once; EdgeError for anything else."""
    if given.is_dir():
        return given
    from pipeline.formats.parquet import is_parquet, to_directory

    if not given.exists():
        raise EdgeError(f"{given}: expected a model directory or a Parquet file, found none; check the path")
    if not is_parquet(given):
        raise EdgeError(f"{given}: expected a model directory or a Parquet file, found neither; see edge convert")

    def build(work: Workspace) -> None:
        to_directory(given, work.out / "model")

    spec = Spec("from-parquet", build, {"file": file_digest(given)}, code=("pipeline.formats.parquet",), libraries=("pyarrow",))
    return _told(store, spec) / "model"


def original(directory: Path) -> Artifact:
    """A model directory of the user's as it lies there, known by its content: nothing is copied."""
    return Artifact(directory_digest(directory), "model", directory, {})


def prepared(config: QuantizationConfig, source: Path, store: Store) -> QuantizationConfig:
    """The same settings with the calibration data, if they need any, as the file of rows that the backends read."""
    data = config.calibration_data
    if config.method not in CALIBRATED or data is None:
        return config.model_copy(update={"calibration_data": None})
    from pipeline.profile import load_profile

    system = load_profile(config.profile).prompt.system
    chosen = {"samples": config.samples, "length": config.sequence_length, "seed": config.seed, "system": system}
    of = data if data in CORPORA else _digest(Path(data))
    tokenizer = {file.name: file_digest(file) for file in sorted(source.glob("*token*.json"))}

    def build(work: Workspace) -> None:
        write_calibration(work.out, source=source, data=data, **chosen)

    spec = Spec("calibration", build, {**chosen, "data": of, "tokenizer": tokenizer}, code=("pipeline.quantize.calibration",))
    return config.model_copy(update={"calibration_data": str(_told(store, spec) / FILE)})


def quantised(config: QuantizationConfig, source: Path, fallback: tuple[str, str] | None = None) -> Spec:
    """A quantised model.  ``config`` was `prepared`; the calibration counts with its content."""
    determines = {"backend": config.backend, **config.settings(), "shard_megabytes": config.shard_megabytes,
                  "model": directory_digest(source), "fallback": list(fallback) if fallback else None,
                  "calibration": file_digest(Path(config.calibration_data)) if config.calibration_data else None}

    def build(work: Workspace) -> None:
        from pipeline.quantize.step import run_backend
        run_backend(work.out, work.scratch, source, config, fallback)

    module = backend(config.backend)
    return Spec("quantised", build, determines, code=(module.__name__, "pipeline.quantize.step"), libraries=module.LIBRARIES)


def with_fallback(config: QuantizationConfig, source: Path, attempt: Callable[[QuantizationConfig, tuple[str, str] | None], Made],
                  tell: Callable[[str], None]) -> Made:
    """``attempt`` with the backend that was asked for; where AngelSlim is not able to run, with the first of `INSTEAD` that is, on the
    model ``source``.

    The reason is told in one line, and the manifest keeps it.  Without ``config.fallback``, or with another backend, the error goes on.
    """
    if config.backend != "angelslim" or not config.fallback:
        return attempt(config, None)
    try:
        return attempt(config, None)
    except UnavailableError as error:
        name = _instead(config, source, error)
        tell(f"{error}; {config.method} by {INSTEAD[name]} takes its place")
        return attempt(config.model_copy(update={"backend": name}), ("angelslim", str(error)))


def _instead(config: QuantizationConfig, source: Path, error: UnavailableError) -> str:
    reasons = []
    for name, called in INSTEAD.items():
        if config.method in (module := backend(name)).METHODS:
            if (why := module.unable(source, config)) is None:
                return name
            reasons.append(f"{called}: {why}")
    raise UnavailableError(f"{error}; nor by {'; nor by '.join(reasons)}") from None


def _digest(file: Path) -> str:
    from pipeline.regular_file import check_regular_file

    check_regular_file(file, f"calibration data: a file, or one of {', '.join(CORPORA)}")
    return file_digest(file)


def _told(store: Store, spec: Spec) -> Path:
    if not store.holds(spec):
        note(f"building {spec.kind}")
    return store.get(spec).path
