"""What AngelSlim imports and quantising does without: stand-ins that can be named, and fail when they are used.

Its wheel 0.5.0 lacks the package ``angelslim.compressor.qat``, whose names other modules take; and it imports its triton kernels with
everything else, though none of the methods here runs them, and triton comes with torch for CUDA alone.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

LACKING, KERNELS = "angelslim.compressor.qat", "angelslim.compressor.quant.core.kernels"


class StandIn:
    """A class, function or decorator of a module that is not there.  ImportError when it is called after ``close``."""

    closed = False

    def __init__(self, *_: Any, **__: Any) -> None:
        self._check()

    def __call__(self, *arguments: Any, **_: Any) -> Any:
        self._check()
        return arguments[0] if arguments else self

    def _check(self) -> None:
        if StandIn.closed:
            raise ImportError(f"{type(self).__module__} is not installed", name=type(self).__module__)


class _Finder(MetaPathFinder, Loader):
    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        wanted = name == self._package or name.startswith(f"{self._package}.")
        return ModuleSpec(name, self, is_package=True) if wanted else None

    def exec_module(self, module: ModuleType) -> None:
        module.__getattr__ = lambda name: _named(module.__name__, name)  # type: ignore[method-assign]


def _named(module: str, name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (StandIn,), {"__module__": module})


def install() -> None:
    """From now on LACKING can be imported where the wheel lacks it, and without triton the KERNELS too."""
    sys.meta_path.append(_Finder(LACKING))
    if importlib.util.find_spec("triton") is None:
        sys.meta_path.insert(0, _Finder(KERNELS))


def close() -> None:
    """Whoever uses a stand-in from now on gets an ImportError."""
    StandIn.closed = True
