"""Which Mac it is, read from what public Macs said, broken answers and fakes; nothing here runs on a Mac."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.measure import host, mac_chip, machine_state
from pipeline.measure.host import describe_host, host_class, proven_m4
from pipeline.measure.mac_chip import MOST_CORES, Chip, chip_of
from pipeline.measure.mac_command import output_of

RECORDED = Path(__file__).parent / "recorded"
CHIPS = yaml.safe_load((RECORDED / "chips.yaml").read_text(encoding="utf-8"))
PMSET = yaml.safe_load((RECORDED / "pmset.yaml").read_text(encoding="utf-8"))
M4 = next(machine for machine in CHIPS if machine["brand"] == "Apple M4")
READERS = {"batt": machine_state.on_battery, "settings": machine_state.low_power_mode, "therm": machine_state.speed_limits}


@pytest.mark.parametrize("machine", CHIPS, ids=lambda machine: f"{machine['brand']}, {machine['origin'][:20]}")
def test_each_recorded_chip_is_told_apart(machine: dict[str, Any]) -> None:
    chip = chip_of(machine["brand"], machine["sysctl"], machine["ioreg"])
    assert chip == Chip(**machine["chip"])
    assert proven_m4(chip, "arm64") is machine["m4"]


def as_a_mac(monkeypatch: pytest.MonkeyPatch, brand: str, sysctl: str, ioreg: str, machine: str = "arm64") -> dict[str, Any]:
    """What this machine would be described as, were it that Mac."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "mac_ver", lambda: ("26.1", ("", "", ""), machine))
    monkeypatch.setattr(host, "cpu_name", lambda: brand)
    monkeypatch.setattr(mac_chip, "output_of", lambda program, *_: ioreg if program == mac_chip.IOREG else sysctl)
    return describe_host()


def test_the_m4_family_is_judged_on_and_no_two_of_it_share_a_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    family = [as_a_mac(monkeypatch, one["brand"], one["sysctl"], one["ioreg"]) for one in CHIPS if one["m4"]]
    assert [one["chip"] for one in family] == ["Apple M4", "Apple M4 Pro", "Apple M4 Max"] and all(one["is_m4"] for one in family)
    assert len({one["host_class"] for one in family}) == 3 and family[0]["host_class"].endswith("-Apple M4-10g")
    assert (family[0]["performance_cores"], family[0]["efficiency_cores"], family[0]["build"]) == (4, 6, "24G720")


@pytest.mark.parametrize(("sysctl", "machine"), [
    (M4["sysctl"].replace("hv_vmm_present: 0", "hv_vmm_present: 1"), "arm64"), (M4["sysctl"].replace("Mac16,10", "VirtualMac2,1"), "arm64"),
    (M4["sysctl"], "x86_64"), ("", "arm64"), ("kern.hv_vmm_present: nein", "arm64")])
def test_what_only_calls_itself_an_m4_is_refused(monkeypatch: pytest.MonkeyPatch, sysctl: str, machine: str) -> None:
    assert as_a_mac(monkeypatch, "Apple M4", M4["sysctl"], M4["ioreg"])["is_m4"]
    assert not as_a_mac(monkeypatch, "Apple M4", sysctl, M4["ioreg"], machine)["is_m4"]


def test_the_same_name_with_another_gpu_is_another_host_class() -> None:
    assert host_class("Darwin", "arm64", 16, "Apple M4 Max", 32) != host_class("Darwin", "arm64", 16, "Apple M4 Max", 40)


@given(st.text(), st.text())
def test_whatever_the_tools_say_a_count_is_a_count_or_none(sysctl: str, ioreg: str) -> None:
    chip = chip_of("Apple M4", f"{sysctl}\nhw.perflevel0.physicalcpu: {ioreg}", f'"gpu-core-count" = {sysctl}')
    for count in (chip.performance_cores, chip.efficiency_cores, chip.gpu_cores):
        assert count is None or 0 < count <= MOST_CORES


@pytest.mark.parametrize("count", ["-1", "0", "10.5", "1e3", "999999999", "99999999999999999999", "١٠", "", "<html>"])
def test_a_count_that_can_be_none_is_not_told(count: str) -> None:
    chip = chip_of("Apple M4", f"hw.perflevel0.physicalcpu: {count}", f'"gpu-core-count" = {count}')
    assert chip.performance_cores is chip.gpu_cores is None


@pytest.mark.parametrize(("kind", "said"), [(kind, said) for kind, answers in PMSET.items() for said in answers])
def test_what_pmset_says_is_understood(kind: str, said: dict[str, Any]) -> None:
    assert READERS[kind](said["text"]) == said["means"], said["origin"]


@pytest.mark.parametrize("broken", ["", "<html><body>Not Found</body></html>", "\0" * 20, "x" * 100_000])
def test_what_is_not_pmset_tells_nothing(broken: str) -> None:
    assert [read(broken) for read in READERS.values()] == [None, None, ""]


@given(st.text())
def test_no_words_of_pmset_are_an_error(words: str) -> None:
    assert machine_state.on_battery(words) in (None, True, False) and machine_state.low_power_mode(words) in (None, True, False)
    assert isinstance(machine_state.speed_limits(words), str)


def test_a_program_that_is_not_there_or_hangs_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert output_of("/nowhere/sysctl", "hw.model") == ""
    with monkeypatch.context() as impatient:
        impatient.setattr("pipeline.measure.mac_command.SECONDS", 0.2)
        assert output_of(sys.executable, "-c", "import time; print('half', flush=True); time.sleep(30)") == ""
    assert output_of(sys.executable, "-c", "import sys; print(1); sys.exit(1)") == "1\n"
