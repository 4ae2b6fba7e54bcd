"""Who quantises: one file a backend.  Adding one is adding a file here, and its methods in `pipeline.quantize.config`.

A backend NAME is the file ``NAME.py`` with

- ``METHODS``: the methods that it has;
- ``LIBRARIES``: the distributions whose version determines the result;
- ``run(source, out, scratch, config) -> dict``: write a compressed-tensors directory into the empty folder ``out``; what it returns
  joins the manifest.  ``source`` is a Hugging Face directory that was checked.  ``scratch`` is kept by a build that is killed, and found
  again by the next one of the same result.  ``config.calibration_data``, if any, is a file of rows {"text", "ids"};
- ``unable(source, config) -> str | None``: why it cannot run here, if it is known beforehand.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def backend(name: str) -> ModuleType:
    return import_module(f"{__name__}.{name}")
