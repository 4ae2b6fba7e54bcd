"""What quantisation saved and took, and whether it says who did it: read from the quantised models themselves."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.measure.measurement import Exact, Sample
from pipeline.quantize.manifest import manifest_of
from pipeline.store import Artifact

SAID = ("backend", "method", "asked", "fallback")


def matrices_share(original: Artifact, quantised: Artifact) -> Exact:
    """Bytes of the quantised matrices with their scales as a share of the same weights in bfloat16.

    details: the same of ``matrices`` and of the ``whole`` file, where an embedding that is not quantised weighs most of a small model.
    """
    from pipeline.precision.stored import bytes_of  # beside what reads models with torch

    found = bytes_of(original.path, quantised.path)
    return Exact(metric="matrices_share", unit="proportion", artifacts=_keys(original, quantised), details=found,
                 value=found["matrices"]["share"])


def quantisation_time(models: Mapping[str, Artifact]) -> Sample:
    """Seconds that each model took to quantise, the libraries loaded and the weights on disk.  details: by name."""
    seconds = {name: float(manifest_of(model.path)["seconds"]) for name, model in models.items()}
    return Sample(metric="quantisation_time", unit="s", artifacts={name: model.key for name, model in models.items()},
                  details={"seconds": seconds}, values=list(seconds.values()))


def untold(models: Mapping[str, Artifact], asked: Mapping[str, str]) -> Exact:
    """How many of the models do not say that another backend than ``asked`` (name -> backend) made them, and why.

    details: what each of them says.
    """
    found = {name: manifest_of(model.path) for name, model in models.items()}
    wrong = [name for name, made in found.items() if not _tells(made, asked[name])]
    return Exact(metric="untold_fallbacks", unit="count", artifacts={name: model.key for name, model in models.items()},
                 details={name: {part: made.get(part) for part in SAID} for name, made in found.items()},
                 value=float(len(wrong)))


def _tells(made: Mapping[str, object], asked: str) -> bool:
    said = made.get("asked")
    return isinstance(said, Mapping) and said.get("backend") == asked and (made.get("backend") == asked) == (not made.get("fallback"))


def _keys(original: Artifact, quantised: Artifact) -> dict[str, str]:
    return {"reference": original.key, "candidate": quantised.key}

