"""The physical footprint is read at the places where Apple's header has it."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from pipeline.measure import resident

HEADER = (Path(__file__).parent / "recorded" / "rusage_info_v4.txt").read_text()
FIELDS = [name for line in HEADER.splitlines() if not line.startswith("#") for name in line.split()]


class RusageInfoV4(ctypes.Structure):
    """Apple's structure, laid out by the compiler's own rules."""

    _fields_ = [("ri_uuid", ctypes.c_uint8 * 16), *((name, ctypes.c_uint64) for name in FIELDS)]


def system(now: int, peak: int, refusal: int = 0) -> SimpleNamespace:
    """libSystem, as far as it is called; every other field holds a figure of its own."""
    def proc_pid_rusage(pid: ctypes.c_int, flavour: ctypes.c_int, buffer: ctypes.Array) -> int:
        assert flavour.value == 4
        told = RusageInfoV4(**{name: 10**12 + place for place, name in enumerate(FIELDS)})
        told.ri_phys_footprint, told.ri_lifetime_max_phys_footprint = now, peak
        ctypes.memmove(buffer, ctypes.byref(told), ctypes.sizeof(told))
        return refusal

    return SimpleNamespace(proc_pid_rusage=proc_pid_rusage)


def test_the_offsets_are_those_of_the_header() -> None:
    assert len(FIELDS) == 35
    assert RusageInfoV4.ri_phys_footprint.offset == resident.PHYS_FOOTPRINT
    assert RusageInfoV4.ri_lifetime_max_phys_footprint.offset == resident.LIFETIME_MAX_PHYS_FOOTPRINT


@pytest.mark.parametrize(("told", "footprints"), [
    (system(150_000_000, 180_000_000), (150.0, 180.0)), (system(1, 1, refusal=-1), (None, None)),
    (system(0, 0), (None, None)), (system(0, 180_000_000), (None, None)), (system(180_000_000, 150_000_000), (None, None))])
def test_the_footprint_of_a_mac(
    monkeypatch: pytest.MonkeyPatch, told: SimpleNamespace, footprints: tuple[float | None, float | None]
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: told)
    monkeypatch.setattr(psutil, "Process", lambda: SimpleNamespace(memory_full_info=lambda: SimpleNamespace(rss=1e6, uss=1e6)))
    figures = resident.resident()
    assert (figures["footprint"], figures["peak_footprint"]) == footprints
