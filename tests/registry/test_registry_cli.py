"""``edge registry``: what it prints, and what it refuses in one line."""

from __future__ import annotations

import json
import shlex

import pytest

from pipeline.cli import main
from pipeline.registry.split import is_treated
from pipeline.store import Spec, Store


@pytest.fixture
def edge(capsys):
    """The lines that a command prints; of one that fails the one on stderr."""
    def run(line, code=0):
        assert main(shlex.split(line)) == code
        said = capsys.readouterr()
        return (said.out if code != 2 else said.err).splitlines()

    return run


@pytest.fixture
def stored(home, model):
    """The key of a model in the project's store, with a decision of the same weights."""
    def build(folder):
        def copy(work):
            for path in folder.iterdir():
                (work.out / path.name).write_bytes(path.read_bytes())
        return copy

    store = Store(home / ".edge" / "store")
    merged = store.get(Spec("merged", build(model), {}))
    decision = store.get(Spec("decision", build(home / "decided"), {}, {"merged": merged}))
    exported = store.get(Spec("onnx-fp32", build(model), {"graph": "fused"}, {"merged": merged}))
    made = store.get(Spec("onnx-int8", build(model), {"settings": {}}, {"model": exported}))
    store.close()
    return made.key, decision.key


@pytest.fixture
def measured(stored, record):
    """The record of a green run that measured the stored model with its decision."""
    model, decision = stored
    return record(key=model, decision=decision)


def test_from_the_store_to_champion_and_back(home, stored, measured, edge):
    key, decision = stored
    assert edge("registry list") == ["0 models"]
    assert edge(f"registry add small {key[:12]} --record results.json --by ann") == [
        f"small version 1: {key[:12]}, with its decision, 2 pass"]
    assert edge(f"registry add small {key[:12]} --by ann") == [f"small version 2: {key[:12]}, with its decision, not measured yet"]
    assert edge("registry promote small@1 --by ann") == ["small version 1 is champion"]
    assert edge("registry promote small@2 --by bea --record results.json") == ["small version 2 is champion"]
    assert edge("registry rollback small --by cat") == ["small version 1 is champion again"]
    assert edge("registry list") == [f"{'small':<24}   2 versions  champion 1", "1 models"]
    rows = edge("registry show small")
    assert rows[0].startswith("   1  ") and rows[0].endswith(f"{key[:12]}  onnx-int8       reference   2 pass  champion")
    whole = edge("registry show small@champion")
    assert f"  decision   {decision}" in whole and "    - int8: {}" in whole and "    graph: fused" in whole
    assert "  pass          small.loss                       0.001" in whole
    assert edge("registry audit small --verify") == ["whole: 5 entries, and the registry agrees"]
    assert edge("registry fetch small@champion out") == ["small version 1 is in out"] and (home / "out" / "model.safetensors").exists()


def test_the_audit_says_who_did_what(home, stored, measured, edge):
    edge(f"registry add small {stored[0]} --record results.json --by ann")
    edge("registry promote small@1 --by bea")
    added, promoted = (line.split() for line in edge("registry audit small"))
    assert added[2:6] == ["ann", "add", "version", "1"] and promoted[2:8] == ["bea", "promote", "version", "1", "as", "champion"]
    assert promoted[-3:] == ["run", "run1,", stored[0][:12]]
    file = home / ".edge/registry/audit/small/00000002.json"
    file.write_text(file.read_text().replace("bea", "eve"))
    assert edge("registry audit small --verify", code=1) == ["entry 2 was edited"]


def test_a_test_that_says_stop(home, stored, measured, edge):
    for _ in range(2):
        edge(f"registry add small {stored[0]} --record results.json")
    edge("registry promote small@1")
    edge("registry promote small@2 --alias challenger")
    units = [f"u{number}" for number in range(2000)]
    treated = {unit: is_treated("small/1/2", unit, 0.2) for unit in units}
    outcomes = [{"unit": unit, "outcome": int(number % 10 < 9 - 4 * (not treated[unit]))} for number, unit in enumerate(units)]
    (home / "o.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in outcomes))
    said = edge("registry ab small --outcomes o.jsonl --share 0.2")
    assert said[0].startswith("champion    version 1") and "% good" in said[1] and said[2].startswith("challenger less champion: ")
    assert said[3] == "stop: challenger wins"
    (home / "o.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in outcomes[:20]))
    assert edge("registry ab small --outcomes o.jsonl --share 0.2")[3] == "go on"
    unit = next(unit for unit in units if treated[unit])
    assert edge(f"registry ab small --unit {unit} --share 0.2") == ["challenger small@2"]


@pytest.mark.parametrize(("line", "said"), [
    ("registry show small", "expected a model small in the registry, found none at all; edge registry add small KEY registers one"),
    ("registry promote small", "expected a model's version as small@champion or small@3, found 'small'"),
    ("registry promote ../x@1", "expected a model's name of at most 64 small letters, digits, '_', '.' and '-', found '../x'; rename it"),
    ("registry fetch small@../1 out", "expected an alias such as champion or challenger, found '../1'; write small letters, "
                                      "digits and '-', but neither latest nor v1"),
    ("registry add small 0000000000", "expected an artifact 0000000000 in"),
    ("registry ab small", "expected --outcomes FILE.jsonl, to look at a test, or --unit, to ask whom a user gets; give one of them"),
    ("registry ab small --unit u --share 1", "expected a share of users above 0 and below 1 for the challenger, found 1; 0.1 is a tenth"),
    ("registry list --registry-url file:///x", "expected a registry such as sqlite:///FILE, postgresql://… or https://…, "
                                               "found 'file:///x'; correct --registry-url"),
])
def test_a_mistake_is_one_line(line, said, home, edge):
    told, = edge(line, code=2)
    assert told.startswith(f"edge: {said}")


def test_the_champion_is_served(home, stored, measured, edge, monkeypatch):
    """What the server opens are the registered files, checked, also after somebody changed the copy it had."""
    opened = []
    monkeypatch.setattr("pipeline.edge.server.opened.open_engines", lambda chosen, threads: opened.append(chosen) or {})
    monkeypatch.setattr("pipeline.edge.listen.listen", lambda *_, **__: None)
    monkeypatch.setattr("pipeline.edge.server.app.Service", lambda *_: None)
    monkeypatch.setattr("pipeline.edge.server.app.application", lambda *_: None)
    assert edge("serve --model small@champion", code=2)[0].startswith("edge: expected a model small in the registry")
    edge(f"registry add small {stored[0]} --record results.json")
    edge("registry promote small@1")
    for _ in range(2):
        edge("serve --model small@champion")
        assert (opened[-1].model / "config.json").read_bytes() == (home / "model" / "config.json").read_bytes()
        assert (opened[-1].decision / "decision.json").read_text() == "{}"
        (opened[-1].model / "config.json").write_text("changed")
    assert opened[0] == opened[1] and opened[0].model.parent == home / ".edge" / "served"
