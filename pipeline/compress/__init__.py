"""Compression: techniques, one file each around the library that does it, with one small interface; and recipes that chain them.

A technique NAME is two files.  ``settings/NAME.py`` is what may be asked of it, and imports no library that does the work:

- ``STAGE``: WEIGHTS, a Hugging Face directory into another, or GRAPH, an exported ONNX directory into another;
- ``FAMILY``: quantisation, pruning, distillation, decomposition or vocabulary;
- ``Settings``: what a recipe may set (pydantic, `pipeline.compress.settings.Settings`).

``techniques/NAME.py`` is what does it, with these three and

- ``NEEDS``: what of a `Source` it reads beside the model, of TEACHER, DATA and, in the GRAPH stage, ORIGIN;
- ``LIBRARIES``: the distributions whose version determines the result;
- ``apply(out, scratch, source, settings) -> dict``: write the result into ``out``; what it returns joins the common report;
- ``predict(plan, settings) -> Plan``: what becomes of sizes, by arithmetic alone (`pipeline.compress.plan`).

``pipeline.compress.step`` runs one, and adds compression.json: bytes, parameters, sparsity and the error by layer.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline.errors import EdgeError

WEIGHTS, GRAPH = "weights", "graph"
TEACHER, DATA, ORIGIN = "teacher", "data", "origin"
QUANTISATION, PRUNING, DISTILLATION, DECOMPOSITION, VOCABULARY = FAMILIES = (
    "quantisation", "pruning", "distillation", "decomposition", "vocabulary")


@dataclass(frozen=True)
class Source:
    """What a technique works on.

    model: the directory to compress.  origin: the Hugging Face directory that an exported one was made from.  teacher: the
    uncompressed model as a Hugging Face directory.  train, validation: intent records as .jsonl.  prompt: the profile's prompt
    (system, max_length).  What a technique does not name in NEEDS is not there.
    """

    model: Path
    origin: Path | None = None
    teacher: Path | None = None
    train: Path | None = None
    validation: Path | None = None
    prompt: dict[str, Any] = field(default_factory=dict)


def technique(name: str) -> ModuleType:
    """The module of one technique; EdgeError with the known names for another."""
    return importlib.import_module(f"{__name__}.techniques.{_known(name)}")


def settings_of(name: str) -> ModuleType:
    """The module of what may be asked of it, without what does it and torch; EdgeError likewise."""
    return importlib.import_module(f"{__name__}.settings.{_known(name)}")


def _known(name: str) -> str:
    if name not in (known := technique_names()):
        raise EdgeError(f"technique {name!r}: expected one of {', '.join(known)}; name one of these in the recipe")
    return name


def technique_names() -> list[str]:
    """The names of all techniques: the files of their folder."""
    return sorted(file.stem for file in (Path(__file__).parent / "techniques").glob("[a-z]*.py"))
