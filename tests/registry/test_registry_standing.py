"""Who bears an alias: promoted, rolled back, by several at once, and after a process that ended midway."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.errors import EdgeError
from pipeline.registry import open_registry
from pipeline.registry.audit import Audit
from pipeline.registry.standing import standing

ROOT = Path(__file__).parents[2]


def champion(registry) -> int:
    return registry.version("small", "champion").version


@pytest.fixture
def three(registry, add):
    """Versions 1 to 3, each of which may be promoted."""
    return [add() for _ in range(3)]


def test_back_twice_after_several_promotions_and_forth_again(registry, three):
    for version in (1, 2, 3):
        registry.promote("small", version, by="ann")
    assert registry.rollback("small", by="ann").version == champion(registry) == 2
    assert registry.rollback("small", by="ann").version == champion(registry) == 1
    with pytest.raises(EdgeError, match="expected an earlier champion of small, found none; promote another version"):
        registry.rollback("small", by="ann")
    registry.promote("small", 3, by="ann")
    assert registry.rollback("small", by="ann").version == champion(registry) == 1
    assert registry.verify("small") == []


def test_going_back_asks_for_no_record(registry, three, home):
    registry.promote("small", 1, by="ann")
    registry.promote("small", 2, by="ann")
    (home / "thresholds.yaml").unlink()
    (home / "results.json").unlink()
    assert registry.rollback("small", by="ann").version == 1


def test_a_challenger_that_wins_is_champion_alone(registry, three):
    registry.promote("small", 1, by="ann")
    registry.promote("small", 2, by="ann", alias="challenger")
    assert registry.promote("small", "challenger", by="ann").aliases == ("champion",)
    assert registry.version("small", 1).aliases == () and registry.verify("small") == []
    with pytest.raises(EdgeError, match="expected a version with the alias challenger of small, found champion; promote one"):
        registry.version("small", "challenger")


def test_a_challenger_that_loses_is_one_no_more(registry, three):
    registry.promote("small", 1, by="ann", alias="challenger")
    assert registry.rollback("small", by="ann", alias="challenger").aliases == ()
    with pytest.raises(EdgeError, match="expected an earlier challenger of small, found none"):
        registry.rollback("small", by="ann", alias="challenger")


def test_two_who_roll_back_at_once_go_back_once(registry, three, monkeypatch):
    for version in (1, 2, 3):
        registry.promote("small", version, by="ann")
    first(monkeypatch, lambda: open_registry().rollback("small", by="bea"))
    with pytest.raises(EdgeError, match="another process changed small at this moment; look at edge registry show small again"):
        registry.rollback("small", by="ann")
    assert champion(registry) == 2 and [entry.by for entry in registry.audit("small")][6:] == ["bea"]


def test_two_who_promote_at_once_do_so_in_order(registry, three, monkeypatch):
    registry.promote("small", 1, by="ann")
    first(monkeypatch, lambda: open_registry().promote("small", 3, by="bea"))
    registry.promote("small", 2, by="ann")
    assert [(entry.by, entry.version, entry.details["from"]) for entry in registry.audit("small")[4:]] == [("bea", 3, 1), ("ann", 2, 3)]
    assert champion(registry) == 2 and registry.verify("small") == []


def test_two_who_promote_the_same_at_once_do_so_once(registry, three, monkeypatch):
    first(monkeypatch, lambda: open_registry().promote("small", 3, by="bea"))
    with pytest.raises(EdgeError, match="nothing to do"):
        registry.promote("small", 3, by="ann")


def first(monkeypatch, act) -> None:
    """Have ``act`` done by another between the moment when somebody looks and the one when they write."""
    append = Audit.append

    def late(self, event, after):
        monkeypatch.setattr(Audit, "append", append)
        act()
        return append(self, event, after)

    monkeypatch.setattr(Audit, "append", late)


def test_who_is_late_to_set_the_alias_sets_the_latest(registry, three, monkeypatch):
    """One entered its promotion first and reaches the registry last: the champion is still the last that was entered."""
    registry.promote("small", 1, by="ann")
    set_alias = registry._client.set_registered_model_alias

    def late(name, alias, version):
        monkeypatch.setattr(registry._client, "set_registered_model_alias", set_alias)
        open_registry().promote("small", 3, by="bea")
        set_alias(name, alias, version)

    monkeypatch.setattr(registry._client, "set_registered_model_alias", late)
    registry.promote("small", 2, by="ann")
    assert champion(registry) == 3 and registry.verify("small") == []


def test_a_process_that_ends_midway_is_told_and_mended(registry, three, monkeypatch):
    registry.promote("small", 1, by="ann")
    with monkeypatch.context() as patch:
        patch.setattr(type(registry), "_settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            registry.promote("small", 2, by="ann")
    assert champion(registry) == 1
    assert registry.verify("small") == ["the registry has followed the audit to entry 4 of 5: a process ended midway, and the next action "
                                        "mends it"]
    registry.promote("small", 3, by="ann")
    assert champion(registry) == 3 and registry.verify("small") == [] and registry.rollback("small", by="ann").version == 2


def test_an_alias_moved_by_other_means_is_told(registry, three):
    registry.promote("small", 1, by="ann")
    registry._client.set_registered_model_alias("small", "champion", "3")
    registry._client.set_registered_model_alias("small", "mine", "2")
    assert registry.verify("small") == ["champion is version 3 in the registry and version 1 by the audit",
                                        "mine is version 2 in the registry and no version by the audit"]


def test_many_threads_lose_nothing(registry, three):
    def promote(version):
        mine = open_registry()
        done = 0
        for _ in range(3):
            try:
                mine.promote("small", version, by=f"worker {version}")
                done += 1
            except EdgeError as error:
                assert "nothing to do" in str(error)
        return done

    with ThreadPoolExecutor(3) as pool:
        done = sum(pool.map(promote, (1, 2, 3)))
    entries = registry.audit("small")
    assert len(entries) == 3 + done and registry.verify("small") == []
    assert champion(registry) == standing(entries)["champion"][-1] == entries[-1].version


@pytest.mark.slow
def test_several_processes_lose_nothing(registry, three, home):
    """Each adds, promotes and rolls back; what they say that they did is what the audit says."""
    code = """
import os, sys, time
from pathlib import Path
from pipeline.errors import EdgeError
from pipeline.registry import open_registry
registry, done, version = open_registry(), 0, int(sys.argv[1])
registry.models()
Path(f"ready{version}").touch()
while not Path("go").exists():
    time.sleep(0.01)
for act in 2 * (lambda: registry.promote("small", version, by=str(version)), lambda: registry.rollback("small", by=str(version))):
    try:
        act()
        done += 1
    except EdgeError as error:
        assert "nothing to do" in str(error) or "another process" in str(error) or "earlier champion" in str(error), error
print(done)
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen([sys.executable, "-c", code, str(version)], cwd=home, env=env, stdout=subprocess.PIPE, text=True)
               for version in (1, 2, 3)]
    try:
        while not all((home / f"ready{version}").exists() for version in (1, 2, 3)):
            assert all(one.poll() is None for one in running)
        (home / "go").touch()
        said = [one.communicate(timeout=120)[0] for one in running]
    finally:
        for one in running:
            one.kill()
            one.wait()
    entries = registry.audit("small")
    assert len(entries) == 3 + sum(map(int, said)) and registry.verify("small") == []
    assert champion(registry) == standing(entries)["champion"][-1]
