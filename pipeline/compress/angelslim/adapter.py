"""Starting AngelSlim's worker, and telling how it ended."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from pipeline.compress.angelslim import failures, packing, result
from pipeline.compress.angelslim.job import STEP, STEPS, UNAVAILABLE, Job
from pipeline.compress.angelslim.methods import CALIBRATED, FAMILIES, METHODS, compression
from pipeline.digest import library_versions
from pipeline.environment import UnavailableError, existing, requirements
from pipeline.errors import EdgeError
from pipeline.process import run
from pipeline.progress import track
from pipeline.runtime.files import read_object, write_object
from pipeline.train.weights import model_shapes

ENVIRONMENT = "angelslim"
LIBRARIES = ("torch", "transformers", "compressed-tensors")
SECONDS = 2 * 3600
"""The time limit, if nothing else is said."""


def available(source: Path | None = None) -> str | None:
    """None where AngelSlim can be started, on a model of this family if one is given; else why not, in one line.  Starts nothing."""
    try:
        if existing(ENVIRONMENT) is None:
            return f"AngelSlim is not installed; python -m pipeline.environment {ENVIRONMENT} makes its environment"
    except UnavailableError as error:
        return str(error)
    if source and (family := _family(source)) not in FAMILIES:
        return f"AngelSlim was not tried on the model family {family} (only {', '.join(FAMILIES)})"
    return None


def quantise(source: Path, out: Path, scratch: Path, method: str, prompts: Sequence[Sequence[int]] = (), *, group_size: int = 128,
             threads: int | None = None, seconds: float | None = None) -> dict[str, Any]:
    """Quantise a Hugging Face directory by AngelSlim's ``method`` into ``out``, a compressed-tensors directory, whole or not at all.

    prompts: token ids that the methods of CALIBRATED look at.  group_size: inputs that share a scale in 4 bits.  Returns what joins
    the manifest: settings, libraries and tensors.  UnavailableError where another method may take its place: not installed, model
    family not tried, no accelerator, out of memory, disk full, ``seconds`` over; EdgeError for any other failure.
    """
    _check(source, out, method, prompts)
    if reason := available(source):
        raise UnavailableError(reason)
    if method.startswith("int4"):
        _check_groups(source, group_size)
    made = scratch / "angelslim"
    shutil.rmtree(made, ignore_errors=True)
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        job = Job(source=str(source.resolve()), out=str(made.resolve()), family=FAMILIES[_family(source)],
                  compression=compression(method, group_size), prompts=_prompts(prompts, method), seconds=seconds or SECONDS,
                  threads=threads or os.cpu_count() or 1)
        write_object(scratch / "job.json", dict(job))
        _run(scratch, method, job)
        if method.startswith("int4"):
            packing.to_compressed_tensors(made)
        tensors = result.check(made, source)
        result.assemble(made, source, out)
    except UnavailableError:
        raise
    except (EdgeError, OSError, SafetensorError, MemoryError) as error:  # of this process: packing, checking, moving
        if reason := failures.unavailable(error):
            raise _cannot(method, reason) from None
        raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return {"settings": job["compression"], "libraries": versions(), "tensors": tensors}


def versions() -> dict[str, str]:
    """Of AngelSlim and the libraries that it computes with."""
    own = dict(line.split("==") for line in requirements(ENVIRONMENT).splitlines())
    return {ENVIRONMENT: own[ENVIRONMENT], **library_versions(LIBRARIES)}


def _check(source: Path, out: Path, method: str, prompts: Sequence[Sequence[int]]) -> None:
    if method not in METHODS:
        raise EdgeError(f"expected one of AngelSlim's methods {', '.join(METHODS)}, found {method!r}; choose one of them")
    if method in CALIBRATED and not any(prompts):
        raise EdgeError(f"{method}: expected prompts to calibrate with, found none; give calibration data")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise EdgeError(f"{out}: expected no output yet, found one; remove it or choose another place")
    if "quantization_config" in read_object(source / "config.json", "a model's configuration"):
        raise EdgeError(f"{source}: expected a model that is not quantised, found one that is; give the original")


def _check_groups(source: Path, group_size: int) -> None:
    for name, (outputs, inputs) in result.matrices(model_shapes(source)).items():
        if inputs % group_size or inputs % 32 or outputs % 32:
            raise EdgeError(f"{name}: expected inputs in groups of {group_size} and outputs in 32s, found {[outputs, inputs]}; "
                            "choose a group that divides them, or another method")


def _family(source: Path) -> str:
    return str(read_object(source / "config.json", "a model's configuration").get("model_type"))


def _prompts(prompts: Sequence[Sequence[int]], method: str) -> list[list[int]]:
    """As AngelSlim takes them: none where it looks at none, and for AWQ, which keeps them in one tensor, cut anew to one length."""
    rows = [list(ids) for ids in prompts if ids] if method in CALIBRATED else []
    if method != "int4-awq":
        return rows
    ids, length = list(chain.from_iterable(rows)), max(map(len, rows))
    return [ids[at:at + length] for at in range(0, len(ids) - length + 1, length)]


def _run(scratch: Path, method: str, job: Job) -> None:
    reasons: list[str] = []
    environment = {"PYTHONPATH": str(Path(__file__).parents[3]), "PYTHONUTF8": "1", "HF_HUB_OFFLINE": "1",
                   "OMP_NUM_THREADS": str(job["threads"])}
    with track(f"AngelSlim {method}", total=len(STEPS)) as bar:
        def listen(line: str) -> None:
            if line.startswith(STEP):
                bar.advance(note=line.removeprefix(STEP))
            elif line.startswith(UNAVAILABLE):
                reasons.append(line.removeprefix(UNAVAILABLE))
        try:
            run([str(existing(ENVIRONMENT)), "-P", "-m", f"{__package__}.worker", str(scratch / "job.json")], env=environment,
                log=scratch / "angelslim.log", on_line=listen)
        except EdgeError as error:
            raise _told(error, method, reasons, job["seconds"]) from None


def _told(error: EdgeError, method: str, reasons: list[str], seconds: float) -> EdgeError:
    """By its own word, by the signal that ended it, or as the mistake that it is."""
    if reasons:
        return _cannot(method, reasons[-1])
    if "(killed by SIGKILL" in str(error):
        return _cannot(method, "out of memory: its process was killed")
    if "(ended by SIGALRM)" in str(error):
        return _cannot(method, f"not done within the time limit of {seconds:g} s")
    return error


def _cannot(method: str, reason: str) -> UnavailableError:
    return UnavailableError(f"AngelSlim's {method} cannot be had here: {reason}")
