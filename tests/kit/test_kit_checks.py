"""Each refusal is one line that says what to do; a Mac that is fit is refused nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli import main
from pipeline.errors import EdgeError
from pipeline.kit import checks
from pipeline.kit.checks import refusals
from pipeline.kit.cool_down import QUIET, STEP, cool_down
from pipeline.measure.host import is_m4
from pipeline.measure.machine_state import MachineState, low_power_mode, speed_limits
from pipeline.measure.thermal_pressure import LEVELS, level

FINE = MachineState(on_battery=False, low_power_mode=False, thermal_pressure="nominal")
# `pmset -g` and `pmset -g therm` of a MacBook, shortened to the rows that are read and some beside.
LOW_POWER = "System-wide power settings:\nCurrently in use:\n standby              1\n lowpowermode         1\n womp                 0\n"
THROTTLED = "Note: No thermal warning level has been recorded\n\tCPU_Scheduler_Limit \t= 100\n\tCPU_Speed_Limit \t= 62\n"


def host(brand: str, virtual: bool | None = False, machine: str = "arm64", system: str = "Darwin") -> dict:
    """As `describe_host` tells it, of what sysctl's machdep.cpu.brand_string says."""
    chip = brand if system == "Darwin" and brand.startswith("Apple ") else ""
    return {"system": system, "cpu": brand, "chip": chip, "virtual": virtual, "machine": machine,
            "is_m4": is_m4(chip) and virtual is False and machine == "arm64"}


def refused(facts: dict, state: MachineState = FINE, disk: float = 100, memory: float = 16, python: tuple[int, int] = (3, 11)) -> list[str]:
    return refusals(facts, state, disk, memory, python)


@pytest.mark.parametrize("brand", ["Apple M4", "Apple M4 Pro", "Apple M4 Max"])
def test_an_m4_that_is_fit_is_refused_nothing(brand):
    assert refused(host(brand)) == refused(host(brand), MachineState()) == []  # a desktop tells neither battery nor more


@pytest.mark.parametrize(("facts", "says"), [
    (host("Intel(R) Xeon(R) Processor", None, "x86_64", "Linux"), "found Linux on Intel"),
    (host("Apple M3 Max"), "found Apple M3 Max"), (host("Apple M5"), "found Apple M5"), (host("Apple M1"), "found Apple M1"),
    (host("Intel(R) Core(TM) i9-9880H CPU @ 2.30GHz", machine="x86_64"), "found Intel(R) Core(TM) i9"),
    (host("Apple M4", virtual=True), "found a virtual machine on Apple M4"), (host("Apple M1 (Virtual)", True), "a virtual machine"),
    (host("Apple M4", virtual=None), "that does not tell"), (host("Apple M4", machine="x86_64"), "which is translated"),
    (host("Apple M42"), "found Apple M42"), (host(""), "expected an Apple M4"),
])
def test_another_machine_is_refused(facts, says):
    (line,) = refused(facts)
    assert says in line and line.count("\n") == 0 and ": " in line


@pytest.mark.parametrize(("state", "says"), [
    (MachineState(on_battery=True), "on battery: plug it in"),
    (MachineState(low_power_mode=low_power_mode(LOW_POWER)), "found low power mode: switch it off"),
    (MachineState(throttled=speed_limits(THROTTLED)), "found CPU_Speed_Limit=62: let it cool down"),
    *[(MachineState(thermal_pressure=level(number)), f"found {name}: let it cool down") for number, name in enumerate(LEVELS) if number],
    (MachineState(thermal_pressure=level(9)), "found level 9: let it cool down"),
])
def test_a_mac_in_no_state_to_be_measured_is_refused(state, says):
    (line,) = refused(host("Apple M4"), state)
    assert says in line


@pytest.mark.parametrize(("facts", "says"), [
    ({"disk": 3.2}, "found 3.2: free some"), ({"memory": 4}, "found 4.0: build elsewhere"),
    ({"python": (3, 12)}, "found 3.12: remove .venv")])
def test_too_little_of_something_is_refused(facts, says):
    (line,) = refused(host("Apple M4"), **facts)
    assert says in line


@given(st.booleans(), st.booleans(), st.sampled_from(LEVELS), st.sampled_from(["", "CPU_Speed_Limit=60"]))
def test_every_reason_has_a_line_of_its_own(battery, low, pressure, throttled):
    lines = refused(host("Apple M4"), MachineState(battery, low, throttled, pressure))
    assert len(lines) == battery + low + bool(throttled) + (pressure != "nominal")


def test_nothing_starts_on_another_machine(tmp_path: Path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checks, "describe_host", lambda: host("Intel(R) Xeon(R) Processor", None, "x86_64", "Linux"))
    assert main(["m4", "--store", str(tmp_path / "store")]) == 2
    out = capsys.readouterr()
    assert "found Linux" in out.err and "--rehearse" in out.err and out.out == ""
    assert list(tmp_path.iterdir()) == []


class Machine:
    """States and loads one after the other, the last for ever; time passes only while it is waited for."""

    def __init__(self, states: list[MachineState], loads: list[float] | None = None) -> None:
        self.states, self.loads, self.waited = states, loads or [0.0], 0.0

    def state(self) -> MachineState:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def busy(self) -> float:
        return self.loads.pop(0) if len(self.loads) > 1 else self.loads[0]

    def pause(self, seconds: float) -> None:
        self.waited += seconds

    def cool_down(self, limit: float = 900) -> float:
        return cool_down(limit, state=self.state, busy=self.busy, pause=self.pause)


def test_a_cool_idle_machine_is_looked_at_and_no_more():
    assert Machine([FINE]).cool_down() == QUIET * STEP


def test_heat_and_load_are_waited_for():
    hot = MachineState(thermal_pressure="moderate")
    assert Machine([hot, hot, FINE]).cool_down() == (2 + QUIET) * STEP
    assert Machine([FINE, FINE, hot, FINE]).cool_down() == (3 + QUIET) * STEP  # what was quiet before the heat does not count
    assert Machine([FINE], [0.0, 1.8, 1.8, 0.0]).cool_down() == (2 + QUIET) * STEP


@pytest.mark.parametrize(("machine", "why"), [
    (Machine([MachineState(thermal_pressure="heavy")]), "heat (heavy)"),
    (Machine([MachineState(throttled="CPU_Speed_Limit=60")]), "heat (CPU"),
    (Machine([FINE], [3.0]), "3.0 cores at work")])
def test_the_wait_has_an_end(machine, why):
    with pytest.raises(EdgeError) as caught:
        machine.cool_down(limit=60)
    assert why in str(caught.value) and "run again" in str(caught.value) and machine.waited == 60
