"""What Apple's system tells of the Mac's chip: its name, its cores, whether it is the real one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.measure.mac_command import output_of

SYSCTL, IOREG = "/usr/sbin/sysctl", "/usr/sbin/ioreg"
ASKED = ("kern.hv_vmm_present", "kern.osversion", "hw.model", "hw.perflevel0.physicalcpu", "hw.perflevel1.physicalcpu")
MOST_CORES = 1024  # a count beyond it is no count


@dataclass(frozen=True)
class Chip:
    """``name`` as Apple writes it, "" for none of Apple's.  None: the system does not tell, or tells nothing that can be true."""

    name: str = ""
    model: str = ""
    build: str = ""
    virtual: bool | None = None
    performance_cores: int | None = None
    efficiency_cores: int | None = None
    gpu_cores: int | None = None


def read_chip(cpu: str) -> Chip:
    """The chip whose brand string is ``cpu``, by one run of sysctl and one of ioreg; a Mac is taken for granted."""
    return chip_of(cpu, output_of(SYSCTL, *ASKED), output_of(IOREG, "-r", "-d", "1", "-c", "AGXAccelerator"))


def chip_of(cpu: str, told: str, accelerator: str) -> Chip:
    """Of the brand string, the lines of ``sysctl NAME...`` and ioreg's entry of the GPU."""
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in told.splitlines())}
    model = facts.get("hw.model", "")
    return Chip(
        name=cpu if cpu.startswith("Apple ") else "",
        model=model,
        build=facts.get("kern.osversion", ""),
        virtual=_virtual(facts, model),
        performance_cores=_count(facts.get("hw.perflevel0.physicalcpu", "")),
        efficiency_cores=_count(facts.get("hw.perflevel1.physicalcpu", "")),
        gpu_cores=_gpu_cores(accelerator),
    )


def _virtual(facts: Mapping[str, str], model: str) -> bool | None:
    """Apple's own virtual machines are also called so: VirtualMac2,1."""
    if model.startswith("VirtualMac"):
        return True
    return {"0": False, "1": True}.get(facts.get("kern.hv_vmm_present", ""))


def _gpu_cores(accelerator: str) -> int | None:
    """The line ``"gpu-core-count" = 10``; a virtual machine's GPU has none."""
    found = re.search(r'"gpu-core-count" = (\d{1,9})\s*$', accelerator, re.ASCII | re.MULTILINE)
    return _count(found[1]) if found else None


def _count(text: str) -> int | None:
    number = int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else 0
    return number if 0 < number <= MOST_CORES else None
