"""The audit: what was edited, removed, moved or cut off is found, wherever it lies."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from pipeline.errors import EdgeError
from pipeline.registry.audit import START, Audit, TakenError, event


@pytest.fixture
def folder(registry, add, home):
    """Five entries: two versions, a promotion each, a roll back."""
    add(), add()
    registry.promote("small", 1, by="ann")
    registry.promote("small", 2, by="ann")
    registry.rollback("small", by="bea")
    return home / ".edge/registry/audit/small"


def path(folder, number):
    return folder / f"{number:08d}.json"


def edit(folder):
    file = path(folder, 3)
    file.write_text(file.read_text().replace("ann", "eve"))


def edit_and_hash(folder):
    """Whoever edits an entry and makes its own hash fit breaks the chain behind it."""
    content = json.loads(path(folder, 3).read_text())
    del content["hash"]
    changed = event("eve", content["action"], content["name"], content["version"], content["alias"], **content["details"])
    path(folder, 3).write_bytes(replace(changed, number=3, at=content["at"], previous=content["previous"]).line())


def swap(folder):
    path(folder, 3).rename(folder / "kept")
    path(folder, 4).rename(path(folder, 3))
    (folder / "kept").rename(path(folder, 4))


@pytest.mark.parametrize(("tamper", "found"), [
    (edit, "entry 3 was edited"),
    (edit_and_hash, "entry 4 does not follow the one before it"),
    (lambda folder: path(folder, 3).unlink(), "entry 3 was removed"),
    (swap, "entry 4 stands in the place of entry 3"),
    (lambda folder: path(folder, 3).write_text(""), "entry 3 was edited"),
    (lambda folder: path(folder, 3).write_text("[" * 9999), "entry 3 was edited"),
    (lambda folder: path(folder, 5).write_bytes(path(folder, 5).read_bytes() + b" "), "entry 5 was edited"),
], ids=["edited", "hashed anew", "removed", "swapped", "emptied", "hostile", "a space"])
def test_what_was_tampered_with_is_found(tamper, found, folder, registry):
    assert registry.verify("small") == []
    tamper(folder)
    assert registry.verify("small")[0] == found
    for act in (lambda: registry.audit("small"), lambda: registry.rollback("small", by="ann")):
        with pytest.raises(EdgeError, match=f"the audit of small at .* cannot be trusted: {found}"):
            act()


def test_an_end_that_was_cut_off_is_found(folder, registry):
    path(folder, 5).unlink()
    assert registry.verify("small") == ["the registry knows of 5 entries, the audit has 4 others: its end was cut off or written anew"]
    shutil.rmtree(folder)
    assert registry.verify("small") == ["the registry knows of 5 entries, the audit has 0 others: its end was cut off or written anew"]


def test_an_audit_written_anew_as_a_whole_is_found(folder, registry):
    entries, previous = registry.audit("small"), START
    for entry in entries:
        forged = replace(entry, by="eve", previous=previous)
        path(folder, entry.number).write_bytes(forged.line())
        previous = forged.hash
    assert [entry.by for entry in registry.audit("small")] == ["eve"] * 5
    assert "its end was cut off or written anew" in registry.verify("small")[0]


def test_a_version_that_was_changed_in_the_registry_is_found(folder, registry):
    registry._client.set_model_version_tag("small", "2", "edge.parts", json.dumps({"model": "0" * 64}))
    registry._client.create_model_version("small", "file:///elsewhere")
    assert registry.verify("small") == ["version 2 is not what was added", "version 3 is not what was added"]
    with pytest.raises(EdgeError, match="found a version that was made by other means; add one with edge registry add"):
        registry.fetch("small", 3, folder / "out")


@pytest.mark.parametrize("url", ["memory://registry-test", "file"])
def test_the_second_to_write_an_entry_is_told(url, tmp_path):
    audit = Audit(tmp_path.as_uri() if url == "file" else f"{url}{tmp_path}", "small")
    one = audit.append(event("ann", "add", "small", 1), [])
    with pytest.raises(TakenError):
        audit.append(event("bea", "add", "small", 2), [])
    two = audit.append(event("bea", "add", "small", 2), [one])
    assert audit.read() == [one, two] and not list(tmp_path.rglob("*.part"))
    assert (one.number, two.number, two.previous) == (1, 2, one.hash)
