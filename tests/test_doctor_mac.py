"""What `edge doctor` says on a Mac more than elsewhere; every answer of the Mac is planted."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.doctor import Finding, examine, mac
from pipeline.errors import EdgeError
from pipeline.measure.energy import NoCounter, Reading
from pipeline.measure.machine_state import MachineState
from tests.runtime import core_ml

MORE = ["coremltools", "mlx", "energy", "powermetrics", "low power", "heat"]


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Finding]:
    """One of the findings of a Mac."""
    return lambda name: mac.checks()[name]()


def test_a_mac_is_asked_more_and_no_other_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = [finding.name for finding in examine({}, tmp_path)]
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(mac, "checks", lambda: dict.fromkeys(MORE, lambda: Finding("x", "ok", "planted")))
    assert [finding.name for finding in examine({}, tmp_path)][len(before):] == ["x"] * len(MORE)
    assert not set(MORE) & set(before)


def test_each_check_of_a_mac_ends_in_a_finding_even_here() -> None:
    for name, check in mac.checks().items():
        finding = check()
        assert finding.name == name and (finding.state == "ok" or finding.do)


@pytest.mark.parametrize(("devices", "state", "found"), [
    (list(core_ml.DEVICES.values()), "ok", "neural engine, gpu, cpu"), ([core_ml.DEVICES["cpu"]], "warn", "no neural engine"),
    ([], "warn", "no device")])
def test_the_devices_of_core_ml(
    monkeypatch: pytest.MonkeyPatch, look: Callable[[str], Finding], devices: list[Any], state: str, found: str
) -> None:
    told = SimpleNamespace(MLComputeDevice=SimpleNamespace(get_all_compute_devices=lambda: devices))
    monkeypatch.setattr(mac, "coremltools", lambda: SimpleNamespace(models=SimpleNamespace(compute_device=told)))
    assert look("coremltools").state == state and found in look("coremltools").found


def test_a_coremltools_that_cannot_execute(monkeypatch: pytest.MonkeyPatch, look: Callable[[str], Finding]) -> None:
    def missing() -> None:
        raise EdgeError("coremltools: expected the package, found none")

    monkeypatch.setattr(mac, "coremltools", missing)
    assert look("coremltools").state == "warn" and "reinstall" in look("coremltools").do


@pytest.mark.parametrize(("metal", "state"), [(True, "ok"), (False, "warn")])
def test_mlx_on_metal(monkeypatch: pytest.MonkeyPatch, look: Callable[[str], Finding], metal: bool, state: str) -> None:
    core = SimpleNamespace(metal=SimpleNamespace(is_available=lambda: metal))
    monkeypatch.setitem(sys.modules, "mlx", SimpleNamespace(core=core))
    monkeypatch.setitem(sys.modules, "mlx.core", core)
    assert look("mlx").state == state and "Metal" in look("mlx").found
    monkeypatch.setitem(sys.modules, "mlx.core", None)
    assert look("mlx").state == "warn" and "pip install mlx" in look("mlx").do


def test_the_energy_counter_is_tried_not_only_found(monkeypatch: pytest.MonkeyPatch, look: Callable[[str], Finding]) -> None:
    class Counter(SimpleNamespace):
        source = "planted"

        def begin(self) -> None: ...

        def end(self) -> Reading:
            return Reading(self.source, self.told, 0.5)

    monkeypatch.setattr(mac, "WINDOW", 0.0)
    monkeypatch.setattr(mac, "open_counter", lambda: Counter(told={"cpu": 20.0, "ane": 0.0}))
    assert look("energy") == Finding("energy", "ok", "planted: cpu 40 mW, ane 0 mW")
    monkeypatch.setattr(mac, "open_counter", lambda: Counter(told={"cpu": -20.0}))
    assert look("energy").state == "warn" and "pip install" in look("energy").do


def test_powermetrics_is_optional(monkeypatch: pytest.MonkeyPatch, look: Callable[[str], Finding]) -> None:
    def asks() -> None:
        raise NoCounter("a password is required")

    monkeypatch.setattr(mac, "PowermetricsCounter", asks)
    assert look("powermetrics").state == "ok" and "password is required" in look("powermetrics").found
    monkeypatch.setattr(mac, "PowermetricsCounter", lambda: None)
    assert "without a password" in look("powermetrics").found


@pytest.mark.parametrize(("state", "name", "found"), [
    (MachineState(low_power_mode=True), "low power", "warn: low power mode is on"),
    (MachineState(low_power_mode=False), "low power", "ok: off"),
    (MachineState(), "low power", "ok: pmset does not tell"),
    (MachineState(thermal_pressure="nominal"), "heat", "ok: thermal pressure nominal"),
    (MachineState(thermal_pressure="heavy"), "heat", "warn: thermal pressure heavy"),
    (MachineState(), "heat", "ok: macOS does not tell"),
    (MachineState(throttled="CPU_Speed_Limit=60", thermal_pressure="nominal"), "heat",
     "warn: thermal pressure nominal; CPU_Speed_Limit=60")])
def test_what_slows_a_mac_down(
    monkeypatch: pytest.MonkeyPatch, look: Callable[[str], Finding], state: MachineState, name: str, found: str
) -> None:
    monkeypatch.setattr(mac, "read_state", lambda: state)
    finding = look(name)
    assert f"{finding.state}: {finding.found}".startswith(found)
