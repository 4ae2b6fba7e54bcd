"""Everything that the run measures, in the store before the machine has to be quiet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline import specs
from pipeline.compress.chain import compress
from pipeline.compress.recipe import load_recipe
from pipeline.compress.sources import merged_and_data
from pipeline.errors import EdgeError
from pipeline.export.formats import built, device_formats
from pipeline.profile import Profile
from pipeline.store import Artifact, Spec, Store, Workspace

RECIPES = {"edge-200mb": "", "int8-fast": "scale"}
"""Recipes that claims are about, and what a profile must tell for them to be."""
UNCLAIMED = ("mlx-bf16", "mlx-8bit", "mlx-mixed")
"""Formats that nothing is claimed of."""

Get = Callable[[Spec], Artifact]
Tell = Callable[[str], None]


class Absent(Exception):
    """An artifact that a rehearsal would have to build."""


@dataclass(frozen=True)
class Supply:
    """Artifacts from the store, saying where each came from; ``building``: those that are nowhere are built."""

    store: Store
    tell: Tell
    building: bool = True

    def get(self, spec: Spec) -> Artifact:
        """Absent where it is nowhere and must not be built."""
        made: list[Workspace] = []

        def build(work: Workspace) -> None:
            made.append(work)
            spec.build(work)

        here, key = self.store.holds(spec), self.store.key(spec)
        if not (here or self.building or (self.store.remote and self.store.remote.manifest(key))):
            raise Absent(spec.kind)
        artifact = self.store.get(replace(spec, build=build))
        origin = "was here" if here else "built here" if made else f"fetched from {self.store.remote.url if self.store.remote else '?'}"
        self.tell(f"  {spec.kind:<16} {key[:12]}  {origin}")
        return artifact


def prepare(profile: Profile, supply: Supply) -> None:
    """Every artifact of the profile, a line each.  A format that cannot be made here is told and left to its claims."""
    try:
        _prepare(profile, supply)
    except Absent as absent:
        supply.tell(f"  {absent} and what follows from it: not here, and a rehearsal builds nothing")


def _prepare(profile: Profile, supply: Supply) -> None:
    get: Get = supply.get
    merged, data = merged_and_data(get, profile)
    get(specs.decision(profile, merged, data))
    get(specs.onnx_int8(get(specs.onnx_fp32(profile, merged))))
    for name, about in RECIPES.items():
        if not about or about in profile.tells:
            compress(get, profile, load_recipe(name), merged, data)
    for name in [name for name in device_formats() if name not in UNCLAIMED]:
        try:
            built(get, profile, merged, name)
        except EdgeError as error:
            supply.tell(f"  {name:<16} not made: {error}")
        except Absent:
            supply.tell(f"  {name:<16} not here, and a rehearsal builds nothing")
