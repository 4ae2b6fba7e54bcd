"""What every compression starts from: a profile's merged model and its data, built in a store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline import specs
from pipeline.profile import Profile
from pipeline.progress import note
from pipeline.store import Artifact, Spec, Store

Build = Callable[[Spec], Artifact]


def builder(store: Path, remote: str = "") -> Build:
    """Takes a spec's artifact from the store, or builds it and says so on a terminal."""
    opened = Store(store, remote or None)

    def build(spec: Spec) -> Artifact:
        if not opened.holds(spec):
            note(f"building {spec.kind}")
        return opened.get(spec)

    return build


def merged_and_data(build: Build, profile: Profile) -> tuple[Artifact, Artifact]:
    """The merged model and the data of a profile."""
    data = build(specs.data(profile))
    base = build(specs.base(profile, data))
    return build(specs.merged(base, build(specs.adapter(profile, base, data)))), data
