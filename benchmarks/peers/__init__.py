"""One decision of the full-scale shape, by this project's engines and by their peers, in turns: see ``__main__``.

A peer is a file here that says

- ``TITLE``, ``LIBRARIES``: its name in the table, and the distributions that must be installed for it;
- ``VARIANTS``: the forms of the weights it serves, each with its `Form`;
- ``Session``: ``open(path, model, threads, variant)``, a class method, and ``run(ids) -> float32 [labels]``, one whole decision;
- ``prepare(out, scratch, model, variant)``, where it needs files of its own: what it writes into ``out`` is what it opens.  A peer without
  it opens the Hugging Face directory itself;
- ``CODE``, where those files are made by modules of this project: which.

Both run in a process of the peer's own, maybe by another interpreter (``--python``), so optional libraries are imported inside them.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType


@dataclass(frozen=True)
class Form:
    """How a peer keeps and multiplies its weights: bits a weight, scales included, and the type of the products."""

    bits: float
    arithmetic: str


@dataclass(frozen=True)
class Model:
    """What all peers serve.

    directory: Hugging Face's form.  onnx: the same weights as an exported fp32 classifier.  label_ids: the rows of the head that are
    asked for.  max_length: of a prompt, in tokens.
    """

    directory: Path
    onnx: Path
    label_ids: list[int]
    max_length: int


@dataclass(frozen=True)
class Engine:
    """One row of the table."""

    peer: str
    variant: str

    @property
    def option(self) -> str:
        """How the command line names it."""
        return f"{self.peer}:{self.variant}"

    @property
    def name(self) -> str:
        return f"{peer(self.peer).TITLE} {self.variant}"

    @property
    def form(self) -> Form:
        return peer(self.peer).VARIANTS[self.variant]


REFERENCE = Engine("torch_cpu", "float32")
"""Whose answers are the right ones."""


def peer(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{name}")


def peers() -> list[str]:
    """The files of this folder that say their VARIANTS, the reference's first."""
    found = [file.stem for file in Path(__file__).parent.glob("*.py") if "\nVARIANTS" in file.read_text(encoding="utf-8")]
    return sorted(found, key=lambda name: (name != REFERENCE.peer, name))


def engines() -> list[Engine]:
    """All there are, the reference first."""
    return [Engine(name, variant) for name in peers() for variant in peer(name).VARIANTS]
