"""Which artifacts are served when none, or not all, are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.edge.server.chosen import choose
from pipeline.errors import EdgeError
from pipeline.store import Artifact, Spec, Store, Workspace


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def made(store: Store, kind: str, n: int = 0, graph: str = "portable", **inputs: Artifact) -> Artifact:
    def build(work: Workspace) -> None:
        (work.out / "f").write_text(kind)

    return store.get(Spec(kind, build, {"n": n, "graph": graph}, inputs))


def family(store: Store, n: int) -> dict[str, Artifact]:
    """A base and what is made from it."""
    base = made(store, "base", n)
    merged = made(store, "merged", n, base=base)
    fp32 = made(store, "onnx-fp32", n, merged=merged)
    model, decision = made(store, "onnx-int8", n, source=fp32), made(store, "decision", n, merged=merged)
    return {"base": base, "merged": merged, "fp32": fp32, "model": model, "decision": decision}


@pytest.fixture
def ordered(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[Artifact]:
    """Artifacts in the order in which the store is to list them; those of a test are made within one second."""
    order: list[Artifact] = []
    monkeypatch.setattr(Store, "list", lambda self: order)
    return order


def test_the_newest_model_and_what_belongs_to_it(store, ordered):
    old, new = family(store, 1), family(store, 2)
    functions = [made(store, "functions-int8", n, base=one["base"]) for n, one in enumerate((old, new))]
    ordered += [*new.values(), functions[1], *old.values(), functions[0]]
    chosen = choose(store, None, None, None)
    assert (chosen.model, chosen.decision, chosen.functions) == (old["model"].path, old["decision"].path, functions[0].path)
    chosen = choose(store, new["model"].key[:10], None, None)
    assert (chosen.model, chosen.decision, chosen.functions) == (new["model"].path, new["decision"].path, functions[1].path)


def test_the_newest_of_two_decisions_and_no_functions_of_another_base(store, ordered):
    one, other = family(store, 1), family(store, 2)
    later = made(store, "decision", 9, merged=one["merged"])
    ordered += [*one.values(), later, *(artifact for name, artifact in other.items() if name != "model"),
                made(store, "functions-int8", 2, base=other["base"])]
    chosen = choose(store, None, None, None)
    assert (chosen.model, chosen.decision, chosen.functions) == (one["model"].path, later.path, None)


def test_what_a_recipe_made_is_served_by_name_with_the_decision_of_its_own_weights(store, ordered):
    plain = family(store, 1)
    pruned = made(store, "depth", merged=plain["merged"])
    small = made(store, "onnx-int8", 2, source=(export := made(store, "onnx-fp32", 2, merged=pruned)))
    its = made(store, "decision", 2, merged=pruned)
    fast = made(store, "onnx-int8", 3, source=(fused := made(store, "onnx-fp32", 3, "fused", merged=plain["merged"])))
    ordered += [*plain.values(), pruned, export, small, its, fused, fast]
    for named, model, decision in ((None, plain["model"], plain["decision"]), (small.key, small, its), (fast.key, fast, plain["decision"])):
        chosen = choose(store, named, None, None)
        assert (chosen.model, chosen.decision) == (model.path, decision.path)


def test_a_directory_needs_its_decision_named(store, ordered, tmp_path):
    ordered += family(store, 1).values()
    with pytest.raises(EdgeError, match="name a --decision"):
        choose(store, str(tmp_path), None, None)
    chosen = choose(store, str(tmp_path), str(tmp_path), None)
    assert (chosen.model, chosen.decision, chosen.functions) == (tmp_path, tmp_path, None)


def test_an_empty_store_and_an_unknown_key(store):
    with pytest.raises(EdgeError, match="found none; name a --model"):
        choose(store, None, None, None)
    for name in ("nowhere", "abcdef0123"):
        with pytest.raises(EdgeError, match=name):
            choose(store, name, None, None)
    assert not (store.root / "objects").exists()
