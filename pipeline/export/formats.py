"""The formats a classifier goes to a device in, beside ONNX; one file a format.

A format NAME is the file ``NAME.py`` ("onnx-coreml" is onnx_coreml.py) with ``VARIANTS`` (number format -> config), ``LIBRARIES``
and ``export(out, scratch, *, merged, config)``, which writes a directory that `pipeline.runtime.load` opens; "NAME-VARIANT" is one
that can be asked for.
A config with ``of`` is of a variant that is made of that one: ``export`` is given its directory as ``source`` as well.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from pipeline import specs
from pipeline.errors import EdgeError
from pipeline.profile import Profile
from pipeline.store import Artifact, Spec

FORMATS = ("coreml", "litert", "mlx", "onnx-coreml")


def device_format(name: str) -> tuple[ModuleType, dict[str, Any]]:
    """The module of a format, and the config of the variant; EdgeError for an unknown name."""
    form, _, variant = name.rpartition("-")
    if form in FORMATS:
        module = _module(form)
        if variant in module.VARIANTS:
            return module, dict(module.VARIANTS[variant])
    raise EdgeError(f"format {name!r}: expected one of {', '.join(device_formats())}; name one of them")


def built(build: Callable[[Spec], Artifact], profile: Profile, merged: Artifact, name: str, labels: Sequence[str] = (),
          prefix: str = "") -> Artifact:
    """The artifact of a "NAME-VARIANT", after that of the variant that it is made of; ``build``: such as `Store.get`.

    labels: other than the intents'.  prefix: of the artifacts' kinds, where another model than the profile's own is exported.
    """
    form, (_, config) = name.rpartition("-")[0], device_format(name)
    source = built(build, profile, merged, f"{form}-{config['of']}", labels, prefix) if "of" in config else None
    return build(specs.device_format(profile, merged, name, source, labels, prefix + name))


def device_formats() -> list[str]:
    """Every "NAME-VARIANT"."""
    return [f"{form}-{variant}" for form in FORMATS for variant in _module(form).VARIANTS]


def _module(form: str) -> ModuleType:
    return importlib.import_module(f"pipeline.export.{form.replace('-', '_')}")
