"""coremltools as the device needs it: without the frameworks that it can convert from."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.errors import EdgeError
from pipeline.quiet import quiet

CONVERTED_FROM = ("torch", "transformers", "tensorflow", "sklearn", "xgboost", "scipy", "pandas")  # it imports what it finds


def coremltools() -> Any:
    """The package; EdgeError where it is not installed.

    What it would import only to convert models is hidden from it meanwhile, unless it was there before: with torch installed the
    import takes 440 MB and 10 s of a process, without 67 MB and 1.5 s (resident, Linux).  A process that has imported it so
    cannot convert from torch any more; the workers that measure never do.
    """
    with _hidden(CONVERTED_FROM), quiet():
        try:
            import coremltools
            import coremltools.models.compute_plan
        except ImportError as error:
            raise EdgeError(f"coremltools: expected the package, found {error}; pip install coremltools") from error
    return coremltools


@contextmanager
def _hidden(names: tuple[str, ...]) -> Iterator[None]:
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None: an import of it fails
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)
