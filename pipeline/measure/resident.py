"""How much memory this process occupies, by every definition its system knows.

Called inside the measured process, so it imports nothing heavy before the resident set has been read.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys
from pathlib import Path

MB = 1_000_000
RUSAGE_INFO_V4 = 4
# struct rusage_info_v4 is a 16-byte uuid followed by uint64 fields, of which these are the 8th and the 29th.
PHYS_FOOTPRINT, LIFETIME_MAX_PHYS_FOOTPRINT = 16 + 7 * 8, 16 + 28 * 8


def resident() -> dict[str, float | None]:
    """MB (10^6 bytes) of this process; None where the system does not know the definition.

    peak_rss: largest resident set so far (VmHWM on Linux, ru_maxrss elsewhere).  rss: resident set now.
    uss: pages no other process shares.  footprint and peak_footprint: macOS's physical footprint, which counts
    compressed and GPU memory and leaves clean mapped files out.
    """
    return _linux() if sys.platform == "linux" else _elsewhere()


def _linux() -> dict[str, float | None]:
    status = _kib_fields(Path("/proc/self/status"))
    rollup = _kib_fields(Path("/proc/self/smaps_rollup"))
    private = [rollup[name] for name in ("Private_Clean", "Private_Dirty") if name in rollup]
    return {
        "peak_rss": status.get("VmHWM", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB),
        "rss": status.get("VmRSS"),
        "uss": sum(private) if private else None,
        "footprint": None,
        "peak_footprint": None,
    }


def _kib_fields(path: Path) -> dict[str, float]:
    """The "Name:  123 kB" lines of a /proc file, in MB; empty when the kernel does not offer the file."""
    try:
        rows = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {row[0].rstrip(":"): int(row[1]) * 1024 / MB for row in rows if len(row) == 3 and row[2] == "kB"}


def _elsewhere() -> dict[str, float | None]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
    now, lifetime_max = _mac_footprint() if sys.platform == "darwin" else (None, None)
    import psutil

    full = psutil.Process().memory_full_info()
    return {
        "peak_rss": peak / MB,
        "rss": full.rss / MB,
        "uss": full.uss / MB,
        "footprint": now,
        "peak_footprint": lifetime_max,
    }


def _mac_footprint() -> tuple[float | None, float | None]:
    """(now, lifetime maximum) in MB; None for both where the system refuses, or tells what no running process can have."""
    system = ctypes.CDLL("/usr/lib/libSystem.B.dylib", use_errno=True)
    buffer = ctypes.create_string_buffer(512)  # larger than any later version of the structure
    if system.proc_pid_rusage(ctypes.c_int(os.getpid()), ctypes.c_int(RUSAGE_INFO_V4), buffer) != 0:
        return None, None
    now, peak = (struct.unpack_from("<Q", buffer.raw, at)[0] for at in (PHYS_FOOTPRINT, LIFETIME_MAX_PHYS_FOOTPRINT))
    return (now / MB, peak / MB) if 0 < now <= peak else (None, None)
