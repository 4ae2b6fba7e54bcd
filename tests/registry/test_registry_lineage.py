"""Where a stored model comes from: the recipe that is read off the store makes the very same artifacts."""

from __future__ import annotations

import pytest

from pipeline.compress.chain import compress
from pipeline.compress.recipe import load_recipe, recipes
from pipeline.profile import load_profile
from pipeline.registry.lineage import lineage_of, recipe_of
from pipeline.store import Artifact
from pipeline.store.manifest import determinants, key_of

PROFILE = load_profile("reference", "", "", "", {})


class Described:
    """A store that builds nothing: artifacts are what determines them."""

    def __init__(self):
        self.manifests = {}

    def __call__(self, spec):
        facts = determinants(spec)
        key = key_of(facts)
        self.manifests[key] = facts
        return Artifact(key, spec.kind, None, facts)

    def made(self, recipe):
        from pipeline import specs
        data = self(specs.data(PROFILE))
        base = self(specs.base(PROFILE, data))
        adapter = self(specs.adapter(PROFILE, base, data))
        merged = self.merged(base, adapter)
        return compress(self, PROFILE, recipe, merged, data), data, base

    def merged(self, base, adapter):
        from pathlib import Path
        from types import SimpleNamespace

        from pipeline import specs
        by_library = SimpleNamespace(key=adapter.key, path=Path("/nowhere"))
        return self(specs.merged(base, by_library))


@pytest.mark.parametrize("name", recipes())
def test_the_recipe_that_is_read_off_the_store_makes_the_same(name, tmp_path):
    store = Described()
    compressed, data, base = store.made(load_recipe(name))
    lineage = lineage_of(compressed.model.key, store.manifests, compressed.decision.key)
    assert (lineage.data, lineage.base, lineage.decision) == (data.key, base.key, compressed.decision.key)
    (tmp_path / "read.yaml").write_text(lineage.recipe, encoding="utf-8")
    again, _, _ = store.made(load_recipe(str(tmp_path / "read.yaml")))
    assert (again.model.key, again.decision.key) == (compressed.model.key, compressed.decision.key)


def test_a_chain_with_a_step_missing_has_no_recipe():
    store = Described()
    compressed, _, _ = store.made(load_recipe("edge-200mb"))
    del store.manifests[compressed.steps["3 channels"].key]
    assert recipe_of(compressed.model.key, store.manifests) == ""


def test_a_format_of_a_device_has_no_recipe():
    facts = {"a": {"kind": "coreml-int8", "config": {}, "inputs": {"merged": "b"}}, "b": {"kind": "merged", "config": {}, "inputs": {}}}
    assert recipe_of("a", facts) == "" and recipe_of("b", facts) == ""
