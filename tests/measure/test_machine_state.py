"""What the machine tells of power and heat, as read from the words of macOS, and judged by the worse of both ends."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.measure import conditions, thermal_pressure
from pipeline.measure.conditions import watch
from pipeline.measure.machine_state import MachineState, low_power_mode, read_state, speed_limits, worst

FINE = MachineState(on_battery=False, low_power_mode=False, thermal_pressure="nominal")
states = st.builds(
    MachineState, st.sampled_from([None, False, True]), st.sampled_from([None, False, True]),
    st.sampled_from(["", "CPU_Speed_Limit=60"]), st.sampled_from([None, *thermal_pressure.LEVELS]),
)
SETTINGS = """Currently in use:
 standby              1
 {row}
 displaysleep         10
"""


@pytest.mark.parametrize(("row", "on"), [
    ("lowpowermode         1", True), ("lowpowermode         0", False), ("powermode            1", True),
    ("powermode            2", False), ("womp                 1", None)])
def test_low_power_mode_is_read_from_pmset(row: str, on: bool | None) -> None:
    assert low_power_mode(SETTINGS.format(row=row)) is on
    assert low_power_mode("") is None


def test_speed_limits_are_read_from_pmset() -> None:
    heat = "Note: No thermal warning level has been recorded\n\tCPU_Scheduler_Limit \t= 100\n\tCPU_Speed_Limit \t= {}\n"
    assert speed_limits(heat.format(60)) == "CPU_Speed_Limit=60"
    assert speed_limits(heat.format(100)) == speed_limits("") == ""


@pytest.mark.parametrize("broken", [
    MachineState(on_battery=True), MachineState(low_power_mode=True), MachineState(throttled="CPU_Speed_Limit=60"),
    MachineState(thermal_pressure="moderate"), MachineState(thermal_pressure="level 7")])
@pytest.mark.parametrize("swap", [False, True])
def test_a_condition_broken_at_either_end_breaks_the_measurement(
    monkeypatch: pytest.MonkeyPatch, broken: MachineState, swap: bool
) -> None:
    ends = iter([FINE, broken] if swap else [broken, FINE])
    monkeypatch.setattr(conditions, "read_state", lambda: next(ends))
    monkeypatch.setattr(conditions, "BUSY_CORES", float("inf"))
    with watch("timing") as seen:
        pass
    assert seen.broken


@given(states, states)
def test_the_worse_end_counts_whichever_it_is(one: MachineState, other: MachineState) -> None:
    facts = worst(one, other)
    assert facts["on_battery"] == worst(other, one)["on_battery"] and facts["low_power_mode"] == worst(other, one)["low_power_mode"]
    assert (facts["thermal_pressure"] in (None, "nominal")) == ({one.thermal_pressure, other.thermal_pressure} <= {None, "nominal"})
    assert all(state.throttled in facts["throttled"] for state in (one, other))
    assert worst(one, one) == vars(one)


def test_thermal_pressure_has_a_name_for_every_number() -> None:
    assert [thermal_pressure.level(state) for state in (0, 1, 4, 5)] == ["nominal", "moderate", "sleeping", "level 5"]


class System:
    """libSystem, as far as it is called: answers ``state``, or refuses with ``refusal``."""

    def __init__(self, state: int = 0, refusal: int = 0) -> None:
        self.state, self.refusal, self.open = state, refusal, 0

    def notify_register_check(self, name: ctypes.c_char_p, token: Any) -> int:
        self.open += not self.refusal
        return self.refusal

    def notify_get_state(self, token: ctypes.c_int, state: Any) -> int:
        state._obj.value = self.state
        return 0

    def notify_cancel(self, token: ctypes.c_int) -> int:
        self.open -= 1
        return 0


@pytest.mark.parametrize(("system", "told"), [(System(2), "heavy"), (System(0), "nominal"), (System(refusal=1), None)])
def test_the_level_comes_from_the_notification(monkeypatch: pytest.MonkeyPatch, system: System, told: str | None) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", lambda path: system)
    assert thermal_pressure.thermal_pressure() == told and system.open == 0


def test_a_library_that_is_not_there_or_has_no_such_function_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(thermal_pressure, "LIBRARY", "/nowhere.dylib")
    assert thermal_pressure.thermal_pressure() is None
    monkeypatch.setattr(ctypes, "CDLL", lambda path: object())
    assert thermal_pressure.thermal_pressure() is None


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac tells")
def test_elsewhere_nothing_is_asked_of_macos() -> None:
    state = read_state()
    assert (state.low_power_mode, state.throttled, state.thermal_pressure) == (None, "", None)
