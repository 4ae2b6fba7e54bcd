"""Versions: registered with their files and lineage, fetched byte for byte, and nothing that could run code or lead elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.digest import directory_digest
from pipeline.errors import EdgeError
from pipeline.registry import Lineage, open_registry
from pipeline.store.manifest import render

ROOT = Path(__file__).parents[2]


def test_a_version_comes_back_as_it_was_registered(registry, add, model, home):
    made = add(lineage=Lineage(key="a" * 64, kind="onnx-int8", recipe="steps:\n- int8: {}\n", data="d" * 64, base="e" * 64))
    assert (made.name, made.version, made.aliases, made.key) == ("small", 1, (), "a" * 64)
    assert made.created.utcoffset() == timedelta(0)
    assert made.lineage.verdicts == {"small.loss": "pass", "small.size": "pass"} and made.lineage.metrics["small.loss"] == 0.001
    assert made.lineage.profile == "reference" and made.lineage.recipe == "steps:\n- int8: {}\n"
    again = open_registry()
    assert again.models() == ["small"] and again.versions("small") == [made]
    again.fetch("small", 1, home / "out")
    assert directory_digest(home / "out" / "decision") == directory_digest(home / "decided")
    (home / "out" / "decision" / "decision.json").unlink()
    (home / "out" / "decision").rmdir()
    assert directory_digest(home / "out") == directory_digest(model)


def test_the_same_files_lie_there_once(registry, add, home):
    add(), add()
    assert [version.version for version in registry.versions("small")] == [1, 2]
    assert len(list((home / ".edge/registry/models").rglob("model.safetensors"))) == 1


@pytest.mark.parametrize("damage", ["changed", "cut", "missing", "manifest"])
def test_a_file_that_was_damaged_is_not_fetched(damage, registry, add, home):
    add()
    file = next((home / ".edge/registry/models").rglob("model.safetensors"))
    if damage == "changed":
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-1])
    elif damage == "missing":
        file.unlink()
    else:
        (file.parent.parent / "manifest.json").write_text("{}")
    with pytest.raises(EdgeError, match="damaged"):
        registry.fetch("small", 1, home / "out")
    assert not (home / "out").exists() and not list(home.glob(".out*"))


def test_files_put_in_the_place_of_others_are_not_fetched(registry, add, home):
    """Whoever writes there seals another manifest under the same key: the list of files in the key says otherwise."""
    add()
    manifest = next(path for path in (home / ".edge/registry/models").glob("*/manifest.json") if "model.safetensors" in path.read_text())
    content = json.loads(manifest.read_text())
    content["files"]["config.json"]["sha256"] = "0" * 64
    manifest.write_bytes(render(content))
    with pytest.raises(EdgeError, match="names other files than those that were registered; refused"):
        registry.fetch("small", 1, home / "out")


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".", "A", "x" * 65, "a b", "a\0", "<img src=x>", "a'; --"])
def test_a_name_that_is_no_word_is_refused(name, registry, model):
    for use in (lambda: registry.register(name, model, lineage=Lineage(), by="ann"), lambda: registry.versions(name),
                lambda: registry.version(name, 1), lambda: registry.rollback(name, by="ann"), lambda: registry.audit(name)):
        with pytest.raises(EdgeError, match="expected a model's name of at most 64 small letters"):
            use()


@pytest.mark.parametrize("alias", ["latest", "v1", "../x", "Champion", "", "0"])
def test_an_alias_that_is_no_word_is_refused(alias, registry, add, record):
    add()
    with pytest.raises(EdgeError, match="expected an alias such as champion or challenger"):
        registry.promote("small", 1, by="ann", record=record(), alias=alias)


@pytest.mark.parametrize("content", [b"\x80\x04\x95\x00", b"PK\x03\x04zip"])
@pytest.mark.parametrize("name", ["pytorch_model.bin", "sub/state.pt", "model.pkl", "modeling_qwen.py"])
def test_what_can_run_code_is_refused(name, content, registry, model):
    (model / name).parent.mkdir(exist_ok=True)
    (model / name).write_bytes(content)
    with pytest.raises(EdgeError, match="which can run code when it is loaded; save the weights as safetensors"):
        registry.register("small", model, lineage=Lineage(), by="ann")
    assert registry.models() == []


def test_a_core_ml_weight_file_is_no_pickle(registry, model):
    (model / "weight.bin").write_bytes(b"\x02\x00\x00\x00" + b"\x00" * 60)
    assert registry.register("small", model, lineage=Lineage(), by="ann").version == 1


def test_an_empty_or_missing_directory_or_a_link_is_refused(registry, home, model):
    (home / "empty").mkdir()
    os.symlink("/etc/passwd", model / "link.json")
    for folder, found in (("empty", "empty empty"), ("nowhere", "none at .*nowhere"), ("model", "link.json .a link or a special file")):
        with pytest.raises(EdgeError, match=found):
            registry.register("small", home / folder, lineage=Lineage(), by="ann")
    assert registry.models() == []


@pytest.mark.parametrize("by", ["", "a\nb", "x" * 101])
def test_somebody_has_to_do_it(by, registry, model):
    with pytest.raises(EdgeError, match="expected who does it"):
        registry.register("small", model, lineage=Lineage(), by=by)
    assert registry.models() == []


def test_a_directory_in_use_is_not_written_over(registry, add, home):
    add()
    (home / "out").mkdir()
    (home / "out" / "mine").write_text("mine")
    with pytest.raises(EdgeError, match="expected a directory that is new or empty"):
        registry.fetch("small", 1, home / "out")
    (home / "out" / "mine").unlink()
    registry.fetch("small", 1, home / "out")


def test_looking_makes_no_registry(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGE_REGISTRY_URL", raising=False)
    assert open_registry().models() == []
    with pytest.raises(EdgeError, match="expected a model small in the registry, found none at all; edge registry add small KEY"):
        open_registry().versions("small")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("url", ["databricks", "file:///tmp/x", "sqlite:///", "mongodb://x/y", "registry.db"])
def test_a_url_of_another_kind_is_refused(url):
    with pytest.raises(EdgeError, match="expected a registry such as sqlite:///FILE"):
        open_registry(url)


def test_a_shared_registry_needs_a_shared_place_for_files(monkeypatch):
    monkeypatch.delenv("EDGE_REGISTRY_ARTIFACTS", raising=False)
    with pytest.raises(EdgeError, match="give --artifacts-url or"):
        open_registry("https://user:secret@host/mlflow")


def test_a_database_that_is_none_is_told_in_one_line(tmp_path):
    (tmp_path / "registry.db").write_text("not a database at all, but long enough to be looked at" * 10)
    with pytest.raises(EdgeError, match="registry.db gave: .*file is not a database"):
        open_registry(f"sqlite:///{tmp_path / 'registry.db'}").models()


def test_nothing_is_told_to_anybody(home, model):
    """mlflow reports each use over the network unless it is told not to, and not under pytest or in continuous integration."""
    code = """
import sys, pathlib
asked = []

def refuse(name, told):
    if name in ("socket.connect", "socket.getaddrinfo"):
        asked.append(f"{name} {told}")
        raise OSError("no network")

sys.addaudithook(refuse)
from pipeline.registry import Lineage, open_registry
registry = open_registry()
registry.register("small", pathlib.Path("model"), lineage=Lineage(), by="ann")
registry.fetch("small", 1, pathlib.Path("out"))
import time; time.sleep(0.5)
sys.exit("\\n".join(asked) or 0)
"""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    ran = subprocess.run([sys.executable, "-c", code], cwd=home, env={**kept, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
